using System.Buffers.Binary;
using System.Collections;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace AllocReplay.Recorder;

/// <summary>How a recorded program ended.</summary>
/// <param name="ExitCode">As a shell gives it: 128 + signal when it was killed.</param>
/// <param name="IsKilled">Whether a signal ended it.</param>
/// <param name="PeakResidentBytes">Most memory that it, or a child that it waited for, had resident; null where that is not known.</param>
internal readonly record struct ProgramEnd(int ExitCode, bool IsKilled, long? PeakResidentBytes);

/// <summary>
/// The process that a recorded program will be, before it is: forked by <c>launcher/launcher.c</c>, with everything as its caller gave it.
/// It waits for us to say which of its arguments are the command and what variables to set, and then becomes the program.
/// </summary>
internal sealed unsafe partial class HeldProgram : IDisposable
{
    private const string Handover = "ALLOCREPLAY_HELD";
    private const int PathMax = 4096, AnswerSize = 8 + PathMax;
    /// <summary>The descriptor under which a launcher that we start finds its end of the channel.</summary>
    private const int LauncherChannel = 64;
    private const int NoSuchFile = 2, NotPermitted = 13, IsDirectory = 21; // errno

    private readonly FileStream _channel;
    /// <summary>Whether the process was forked from a launcher and not from us: our memory would count as its own.</summary>
    private readonly bool _isForkOfLauncher;
    private bool _isOver;

    private HeldProgram(int pid, int channel, bool isForkOfLauncher)
    {
        (Pid, _isForkOfLauncher) = (pid, isForkOfLauncher);
        _channel = new FileStream(new SafeFileHandle(channel, ownsHandle: true), FileAccess.ReadWrite, bufferSize: 0);
    }

    public int Pid { get; }

    /// <summary>The command's file, by a name of ours that is good for as long as the program is held: its own may be no text.</summary>
    public string File { get; private set; } = "";

    /// <summary>The command's file, for people.</summary>
    public string Path { get; private set; } = "";

    /// <summary>Holds a process for a command: the one that the launcher left us, or one that a launcher of ours holds.</summary>
    /// <exception cref="RecordException">There is no such command, it may not be executed, or no process can be made.</exception>
    public static HeldProgram Of(IReadOnlyList<string> command)
    {
        HeldProgram program = Take() ?? Spawn(command);
        try
        {
            program.Find(command.Count);
            return program;
        }
        catch
        {
            program.Dispose();
            throw;
        }
    }

    /// <summary>Lets it become the program.</summary>
    /// <param name="settings">NAME=VALUE sets a variable, NAME takes one away.</param>
    /// <exception cref="RecordException">The system would not run it.</exception>
    public void Release(IEnumerable<string> settings)
    {
        byte[] text = Encoding.UTF8.GetBytes(string.Concat(settings.Select(s => s + '\0')));
        Span<byte> error = stackalloc byte[sizeof(int)];
        Send([.. BitConverter.GetBytes(text.Length), .. text]);
        if (!Receive(error)) // closed by exec where that succeeds, and by a signal that ends the process before
            return;
        int errno = BinaryPrimitives.ReadInt32LittleEndian(error);
        throw errno == NoSuchFile // the file itself was found
            ? new RecordException($"{Path}: its interpreter is missing: what its first line names, or its dynamic linker", RecordFailure.NotFound)
            : Refusal(errno);
    }

    /// <summary>Waits for the program to end.</summary>
    public ProgramEnd Wait()
    {
        const int interrupted = 4, rusageSize = 144, maxResidentAt = 32;
        byte* usage = stackalloc byte[rusageSize];
        int status, waited;
        while ((waited = Wait4(Pid, &status, 0, usage)) < 0 && Marshal.GetLastPInvokeError() == interrupted)
        {
        }
        _isOver = true;
        if (waited < 0)
            throw new RecordException($"pid {Pid}: cannot wait for the command: {Marshal.GetLastPInvokeErrorMessage()}");
        int signal = status & 0x7f;
        int exitCode = signal != 0 ? 128 + signal : status >> 8 & 0xff;
        return new ProgramEnd(exitCode, signal != 0, _isForkOfLauncher ? *(long*)(usage + maxResidentAt) << 10 : null); // the kernel counts in KiB
    }

    /// <summary>A program that is still held ends without having run.</summary>
    public void Dispose()
    {
        _channel.Dispose();
        if (!_isOver)
            Wait();
    }

    private static HeldProgram? Take()
    {
        string? handover = Environment.GetEnvironmentVariable(Handover);
        Environment.SetEnvironmentVariable(Handover, null);
        if (handover?.Split(' ') is not [{ } pid, { } channel] || !int.TryParse(pid, out int id) || !int.TryParse(channel, out int descriptor))
            return null;
        const int setDescriptorFlags = 2, closeOnExec = 1;
        return Fcntl(descriptor, setDescriptorFlags, closeOnExec) == 0 ? new HeldProgram(id, descriptor, isForkOfLauncher: true) : null;
    }

    /// <remarks>Not through <see cref="System.Diagnostics.Process"/>, which hands no descriptor over and waits for what it started itself.</remarks>
    private static HeldProgram Spawn(IReadOnlyList<string> command)
    {
        const int unix = 1, stream = 1 | 0x80000 /* SOCK_CLOEXEC */, opaque = 1024; // larger than any posix_spawn_file_actions_t
        string launcher = System.IO.Path.Combine(AppContext.BaseDirectory, "allocreplay");
        int* pair = stackalloc int[2];
        if (SocketPair(unix, stream, 0, pair) != 0)
            throw new RecordException($"cannot hold a process: {Marshal.GetLastPInvokeErrorMessage()}");
        byte* actions = stackalloc byte[opaque];
        byte** arguments = Strings([launcher, "--hold", $"{LauncherChannel}", .. command]);
        byte** variables = Strings(Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(v => $"{v.Key}={v.Value}"));
        try
        {
            _ = FileActionsInit(actions);
            _ = FileActionsAddDup2(actions, pair[1], LauncherChannel);
            int error = PosixSpawn(out int pid, launcher, actions, null, arguments, variables);
            if (error == 0)
                return new HeldProgram(pid, pair[0], isForkOfLauncher: false);
            _ = Close(pair[0]);
            throw new RecordException($"{launcher}: {Marshal.GetPInvokeErrorMessage(error)}; build it with ./build.sh build");
        }
        finally
        {
            _ = FileActionsDestroy(actions);
            _ = Close(pair[1]);
            Free(arguments);
            Free(variables);
        }
    }

    private void Find(int words)
    {
        Span<byte> answer = new byte[AnswerSize];
        Send(BitConverter.GetBytes(words));
        if (!Receive(answer))
            throw new RecordException("the process that was to run the command has ended before");
        Path = Encoding.UTF8.GetString(answer[8..(8 + answer[8..].IndexOf((byte)0))]);
        if (BinaryPrimitives.ReadInt32LittleEndian(answer) is var error and not 0)
            throw Refusal(error);
        File = $"/proc/{Pid}/fd/{BinaryPrimitives.ReadInt32LittleEndian(answer[4..])}";
    }

    private RecordException Refusal(int error) => error switch
    {
        NoSuchFile => new RecordException($"{Path}: command not found", RecordFailure.NotFound),
        IsDirectory => new RecordException($"{Path}: is a directory", RecordFailure.CannotRun),
        NotPermitted => new RecordException($"{Path}: not executable", RecordFailure.CannotRun),
        _ => new RecordException($"{Path}: {Marshal.GetPInvokeErrorMessage(error)}", RecordFailure.CannotRun),
    };

    private void Send(ReadOnlySpan<byte> message)
    {
        try
        {
            _channel.Write(message);
        }
        catch (IOException)
        {
            // It was killed. Nothing is to be received then either, and waiting tells by what.
        }
    }

    /// <returns>False: the other end is closed.</returns>
    private bool Receive(Span<byte> message)
    {
        try
        {
            return _channel.ReadAtLeast(message, message.Length, throwOnEndOfStream: false) == message.Length;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static byte** Strings(IEnumerable<string> strings)
    {
        string[] all = [.. strings];
        byte** array = (byte**)NativeMemory.AllocZeroed((nuint)all.Length + 1, (nuint)sizeof(byte*));
        for (int i = 0; i < all.Length; i++)
            array[i] = (byte*)Marshal.StringToCoTaskMemUTF8(all[i]);
        return array;
    }

    private static void Free(byte** strings)
    {
        for (byte** s = strings; *s is not null; s++)
            Marshal.FreeCoTaskMem((nint)(*s));
        NativeMemory.Free(strings);
    }

    [LibraryImport("libc", EntryPoint = "wait4", SetLastError = true)]
    private static partial int Wait4(int pid, int* status, int options, byte* usage);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Fcntl(int descriptor, int command, int argument);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "socketpair", SetLastError = true)]
    private static partial int SocketPair(int domain, int type, int protocol, int* pair);

    [LibraryImport("libc", EntryPoint = "posix_spawn", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int PosixSpawn(out int pid, string path, byte* actions, byte* attributes, byte** arguments, byte** variables);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_init")]
    private static partial int FileActionsInit(byte* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_adddup2")]
    private static partial int FileActionsAddDup2(byte* actions, int descriptor, int becomes);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_destroy")]
    private static partial int FileActionsDestroy(byte* actions);
}
