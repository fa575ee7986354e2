using System.Diagnostics;
using System.IO.Pipes;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace AllocReplay.Replayer.Run;

/// <summary>How a process ended.</summary>
/// <param name="Code">The exit code, or the number of the signal.</param>
/// <param name="IsSignal">Which of the two.</param>
internal readonly record struct ProcessEnd(int Code, bool IsSignal);

/// <summary>
/// A process that leads a group of its own, so that whatever it starts ends with it. Its output and its errors go into one pipe. The framework's own
/// class starts no group, and tells an exit code of 139 and a SIGSEGV alike.
/// </summary>
internal sealed unsafe partial class ProcessGroup : IDisposable
{
    private const int KillSignal = 9, BrokenPipe = 13;
    private const int ContinueSignal = 18;
    private const int ByPid = 1, NoWait = 1, Stopped = 2, Exited = 4, LeaveWaitable = 0x0100_0000; // of waitid
    private const int EndedByItself = 1, HasStopped = 5; // CLD_EXITED, CLD_STOPPED
    private const int StructureSize = 1024; // larger than glibc's and musl's posix_spawnattr_t, posix_spawn_file_actions_t, siginfo_t and sigset_t
    private const short SetGroup = 0x02, SetDefaultSignals = 0x04, SetMask = 0x08;
    private const int Interrupted = 4;
    private static readonly TimeSpan OutputPatience = TimeSpan.FromSeconds(1);

    private readonly AnonymousPipeServerStream _output;
    private readonly OutputExcerpt _excerpt = new();
    private readonly Thread _reader;
    private readonly Thread _waiter;
    private readonly ManualResetEventSlim _ended = new();
    private readonly ManualResetEventSlim _stands = new(); // it has stopped, or ended
    private readonly Lock _collecting = new(); // whoever holds it knows whether the number is still this process's
    private bool _isCollected;
    private ProcessEnd _end;

    private ProcessGroup(int pid, AnonymousPipeServerStream output)
    {
        (Id, _output) = (pid, output);
        _reader = new Thread(ReadOutput) { IsBackground = true, Name = "worker output" };
        _waiter = new Thread(AwaitEnd) { IsBackground = true, Name = "worker end" };
        _reader.Start();
        _waiter.Start();
    }

    /// <summary>Of the process, and of its group.</summary>
    public int Id { get; }

    /// <summary>Starts a program with an environment of its own.</summary>
    /// <param name="start">Program, arguments, environment and directory; the rest is not looked at.</param>
    /// <exception cref="ReplayException">It cannot be started.</exception>
    public static ProcessGroup Start(ProcessStartInfo start)
    {
        var output = new AnonymousPipeServerStream(PipeDirection.In, HandleInheritability.None);
        try
        {
            string? directory = start.WorkingDirectory.Length > 0 ? start.WorkingDirectory : null;
            int error = Spawn(start.FileName, [start.FileName, .. start.ArgumentList], [.. start.Environment.Select(v => $"{v.Key}={v.Value}")], directory,
                output.ClientSafePipeHandle, out int pid);
            if (error != 0)
            {
                throw new ReplayException(new RunFailure(FailureKind.CannotRun),
                    $"{start.FileName}: cannot be started: {Marshal.GetPInvokeErrorMessage(error)}");
            }
            output.DisposeLocalCopyOfClientHandle();
            return new ProcessGroup(pid, output);
        }
        catch
        {
            output.Dispose();
            throw;
        }
    }

    /// <summary>Whether the process has ended within a time.</summary>
    public bool WaitForEnd(TimeSpan time) => _ended.Wait(time);

    /// <summary>Whether the process stands still within a time: it has stopped itself, with all its threads, or has ended.</summary>
    public bool WaitForPause(TimeSpan time) => _stands.Wait(time);

    /// <summary>Lets one that stopped itself go on.</summary>
    public void Continue()
    {
        lock (_collecting)
        {
            if (_isCollected)
                return;
            // Before it can stop again, or end.
            _stands.Reset();
            _ = kill(Id, ContinueSignal);
        }
    }

    /// <summary>Ends all of the group, and waits until the process is gone.</summary>
    public void Kill()
    {
        lock (_collecting)
        {
            if (!_isCollected)
            {
                _ = kill(-Id, KillSignal);
                _ = kill(Id, KillSignal); // it may have left its group
            }
        }
        _ended.Wait();
    }

    /// <summary>How it ended, and what it and those that it started wrote. Only after its end.</summary>
    public (ProcessEnd End, string Output) Result()
    {
        _ended.Wait();
        // One that has left the group may hold the pipe for ever.
        _reader.Join(OutputPatience);
        return (_end, _excerpt.ToString());
    }

    public void Dispose()
    {
        Kill();
        if (_reader.Join(OutputPatience))
            _output.Dispose();
    }

    /// <summary>
    /// First the end is noticed, with the process left as it is; then its group is killed, whose number cannot be another's as long as it is not
    /// collected; then it is collected. Until then each stop is noticed.
    /// </summary>
    private void AwaitEnd()
    {
        byte* info = stackalloc byte[StructureSize];
        // siginfo_t of a child: si_code at 8, si_status behind si_pid and si_uid at 24.
        int* code = (int*)(info + 8), status = (int*)(info + 24);
        while (Wait(info, Exited | Stopped | LeaveWaitable) && *code == HasStopped)
        {
            if (Wait(info, Stopped | NoWait))
                _stands.Set();
        }
        lock (_collecting)
        {
            _ = kill(-Id, KillSignal);
            _ = Wait(info, Exited);
            _isCollected = true;
        }
        _end = new ProcessEnd(*status, *code != EndedByItself);
        _ended.Set();
        _stands.Set();
    }

    private bool Wait(byte* info, int options)
    {
        int result;
        do
            result = waitid(ByPid, Id, info, options);
        while (result != 0 && Marshal.GetLastPInvokeError() == Interrupted);
        return result == 0;
    }

    private void ReadOutput()
    {
        byte[] buffer = new byte[4096];
        int length;
        while ((length = _output.Read(buffer)) > 0)
            _excerpt.Append(buffer.AsSpan(0, length));
    }

    private static int Spawn(string file, string[] arguments, string[] environment, string? directory, SafePipeHandle output, out int pid)
    {
        byte* attributes = stackalloc byte[StructureSize], actions = stackalloc byte[StructureSize], signals = stackalloc byte[StructureSize];
        using var texts = new NativeTexts();
        _ = posix_spawnattr_init(attributes);
        _ = posix_spawn_file_actions_init(actions);
        int id = 0;
        try
        {
            new Span<byte>(signals, StructureSize).Clear();
            _ = posix_spawnattr_setpgroup(attributes, 0); // a new one, of its own number
            _ = posix_spawnattr_setsigmask(attributes, signals);
            // The runtime ignores SIGPIPE, and what is ignored stays so.
            _ = sigaddset(signals, BrokenPipe);
            _ = posix_spawnattr_setsigdefault(attributes, signals);
            _ = posix_spawnattr_setflags(attributes, SetGroup | SetDefaultSignals | SetMask);
            _ = posix_spawn_file_actions_addopen(actions, 0, texts.Add("/dev/null"), 0, 0);
            int pipe = (int)output.DangerousGetHandle();
            _ = posix_spawn_file_actions_adddup2(actions, pipe, 1);
            _ = posix_spawn_file_actions_adddup2(actions, pipe, 2);
            if (directory is not null)
                _ = posix_spawn_file_actions_addchdir_np(actions, texts.Add(directory));
            return posix_spawn(&id, texts.Add(file), actions, attributes, texts.AddList(arguments), texts.AddList(environment));
        }
        finally
        {
            pid = id;
            _ = posix_spawn_file_actions_destroy(actions);
            _ = posix_spawnattr_destroy(attributes);
        }
    }

    /// <summary>Strings for C, until they are disposed of.</summary>
    private sealed class NativeTexts : IDisposable
    {
        private readonly List<nint> _blocks = [];

        public byte* Add(string text)
        {
            _blocks.Add(Marshal.StringToCoTaskMemUTF8(text));
            return (byte*)_blocks[^1];
        }

        public byte** AddList(string[] list)
        {
            byte** pointers = (byte**)Marshal.AllocCoTaskMem((list.Length + 1) * sizeof(byte*));
            _blocks.Add((nint)pointers);
            for (int i = 0; i < list.Length; i++)
                pointers[i] = Add(list[i]);
            pointers[list.Length] = null;
            return pointers;
        }

        public void Dispose() => _blocks.ForEach(Marshal.FreeCoTaskMem);
    }

    [LibraryImport("libc", SetLastError = true)] private static partial int waitid(int which, int id, byte* info, int options);
    [LibraryImport("libc")] private static partial int kill(int pid, int signal);
    [LibraryImport("libc")] private static partial int sigaddset(byte* set, int signal);
    [LibraryImport("libc")]
    private static partial int posix_spawn(int* pid, byte* path, byte* actions, byte* attributes, byte** arguments, byte** environment);
    [LibraryImport("libc")] private static partial int posix_spawnattr_init(byte* attributes);
    [LibraryImport("libc")] private static partial int posix_spawnattr_destroy(byte* attributes);
    [LibraryImport("libc")] private static partial int posix_spawnattr_setflags(byte* attributes, short flags);
    [LibraryImport("libc")] private static partial int posix_spawnattr_setpgroup(byte* attributes, int group);
    [LibraryImport("libc")] private static partial int posix_spawnattr_setsigmask(byte* attributes, byte* signals);
    [LibraryImport("libc")] private static partial int posix_spawnattr_setsigdefault(byte* attributes, byte* signals);
    [LibraryImport("libc")] private static partial int posix_spawn_file_actions_init(byte* actions);
    [LibraryImport("libc")] private static partial int posix_spawn_file_actions_destroy(byte* actions);
    [LibraryImport("libc")] private static partial int posix_spawn_file_actions_addopen(byte* actions, int fd, byte* path, int flags, int mode);
    [LibraryImport("libc")] private static partial int posix_spawn_file_actions_adddup2(byte* actions, int fd, int newFd);
    [LibraryImport("libc")] private static partial int posix_spawn_file_actions_addchdir_np(byte* actions, byte* directory);
}

/// <summary>The beginning and the end of what a process writes, as an allocator may write a lot. One thread appends, others read.</summary>
internal sealed class OutputExcerpt
{
    private const int PartMax = 4096;

    private readonly Lock _lock = new();
    private readonly List<byte> _head = [], _tail = [];

    public void Append(ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            int toHead = Math.Min(bytes.Length, PartMax - _head.Count);
            _head.AddRange(bytes[..toHead]);
            _tail.AddRange(bytes[toHead..]);
            if (_tail.Count > PartMax)
                _tail.RemoveRange(0, _tail.Count - PartMax);
        }
    }

    public override string ToString()
    {
        lock (_lock)
            return Encoding.UTF8.GetString([.. _head, .. _tail]);
    }
}
