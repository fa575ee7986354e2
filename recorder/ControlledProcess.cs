using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using AllocReplay.Formats;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Recording;
using Microsoft.Win32.SafeHandles;

namespace AllocReplay.Recorder;

/// <summary>A control request cannot be carried out. The message is one line.</summary>
public sealed class ControlException(string message) : Exception(message);

/// <summary>What a recording is doing.</summary>
/// <param name="Image">Name of the process image, pPID.N.</param>
/// <param name="Pid">Its process id.</param>
/// <param name="Alive">Whether the process still runs.</param>
/// <param name="State"><c>recording</c>, <c>stopped</c>, <c>failed</c> or <c>ended</c>.</param>
/// <param name="Interval">The latest interval, 0 before the first.</param>
/// <param name="Threads">Thread indices handed out so far.</param>
/// <param name="LostEvents">Calls that were not recorded and should have been.</param>
public sealed record ControlStatus(string Image, uint Pid, bool Alive, string State, uint Interval, uint Threads, ulong LostEvents);

/// <summary>
/// The control plane of one recorded process image, from outside: start, stop and mark through the shared page.
/// </summary>
/// <remarks>
/// <para><b>The guarantee of <see cref="Stop"/>.</b> When it returns, no thread is inside the recording part of the hook, none
/// will be before the next start, and every event begun before is in the file <c>events</c>. The argument is in
/// docs/design/control.md; in short: a thread raises its flag and then reads the state, we write the state and then read the flags,
/// and membarrier puts a full fence between the two on the threads' side.</para>
/// <para>One controller at a time: a lock on the page's file orders them.</para>
/// </remarks>
public sealed unsafe partial class ControlledProcess : IDisposable
{
    private readonly string _directory;
    private readonly SafeFileHandle _lock;
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly ProcessHeader* _page;

    private ControlledProcess(string directory, SafeFileHandle @lock, MemoryMappedFile file)
    {
        _directory = directory;
        _lock = @lock;
        _file = file;
        _view = file.CreateViewAccessor(0, sizeof(ProcessHeader));
        byte* start = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        _page = (ProcessHeader*)start;
    }

    /// <summary>What to leave out, for the litmus test that shows what each step is for.</summary>
    internal enum Omission { Nothing, Membarrier, Wait }

    internal Omission Omit { get; init; }

    /// <summary>Attaches to a process image's directory.</summary>
    /// <exception cref="ControlException">It is not one, or may not be written.</exception>
    public static ControlledProcess Open(string directory) => Open(directory, Omission.Nothing);

    internal static ControlledProcess Open(string directory, Omission omit)
    {
        string path = Path.Combine(directory, Wire.ProcessFile);
        try
        {
            SafeFileHandle handle = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            if (RandomAccess.GetLength(handle) < sizeof(ProcessHeader))
                throw new ControlException($"{path}: expected a header of {sizeof(ProcessHeader)} bytes");
            MemoryMappedFile file = MemoryMappedFile.CreateFromFile(
                handle, null, 0, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: true);
            var process = new ControlledProcess(directory, handle, file) { Omit = omit };
            if (process._page->Magic == Wire.ProcessMagic && process._page->VersionMajor == Wire.VersionMajor)
                return process;
            process.Dispose();
            throw new ControlException($"{path}: expected the header of a recorded process of format version {Wire.VersionMajor}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ControlException($"{path}: {e.Message}");
        }
    }

    /// <summary>What the recording is doing now.</summary>
    public ControlStatus Status()
    {
        bool alive = IsAlive;
        string state = HasFailed ? "failed" : !alive ? "ended" : Volatile.Read(ref _page->Control) != 0 ? "recording" : "stopped";
        return new ControlStatus(Path.GetFileName(_directory.TrimEnd('/')), _page->Pid, alive, state, _page->Interval, _page->Threads, _page->LostEvents);
    }

    /// <summary>Begins a new interval. Does nothing when one is being recorded.</summary>
    /// <returns>The interval's number.</returns>
    public uint Start()
    {
        using var _ = Lock();
        RequireAlive();
        if (HasFailed)
            throw new ControlException($"pid {_page->Pid}: recording has failed and cannot be started again; 'info' says why");
        if (_page->Control != 0)
            return _page->Control;
        uint interval = _page->Interval + 1;
        AppendMark(MarkEntry.Start, interval, "");
        _page->Interval = interval;
        Volatile.Write(ref _page->Control, interval);
        return interval;
    }

    /// <summary>Ends the interval. When this returns, it is complete in the file <c>events</c>, and no thread writes.</summary>
    /// <returns>The interval's number, or 0 when none was being recorded.</returns>
    /// <exception cref="ControlException">The process cannot be made to pass a fence.</exception>
    public uint Stop()
    {
        using var _ = Lock();
        uint interval = Volatile.Read(ref _page->Control);
        if (interval == 0)
            return 0;
        using var tails = new TailFlags(Path.Combine(_directory, Wire.TailsFile));
        tails.Map();
        Volatile.Write(ref _page->Control, 0);
        Membarrier();
        if (Omit != Omission.Wait)
            WaitUntilQuiet(tails);
        AppendMark(MarkEntry.Stop, interval, "");
        tails.MoveTo(Path.Combine(_directory, Wire.EventsFile));
        return interval;
    }

    /// <summary>Leaves a named mark at this moment.</summary>
    /// <param name="name">1 to 47 bytes of UTF-8.</param>
    public void Mark(string name)
    {
        using var _ = Lock();
        RequireAlive();
        AppendMark(MarkEntry.Named, Volatile.Read(ref _page->Control), name);
    }

    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
        _lock.Dispose();
    }

    private bool HasFailed => Volatile.Read(ref _page->State) == (uint)RecordingState.Failed;

    private bool IsAlive => Signals.Reach((int)_page->Pid);

    /// <remarks>
    /// A thread in a slow path may have no tail yet, or be changing it: the counters must be equal before the flags are read,
    /// and unchanged after, or the flags are read again. A slow path that begins after the fence finds the recording stopped.
    /// </remarks>
    private void WaitUntilQuiet(TailFlags tails)
    {
        var spin = new SpinWait();
        while (true)
        {
            ulong begun = Volatile.Read(ref _page->SlowBegun);
            if (Volatile.Read(ref _page->SlowDone) == begun && tails.AllDown() && !tails.Map() && Volatile.Read(ref _page->SlowBegun) == begun)
                return;
            if (!IsAlive)
                return; // it was killed in the hook: nobody writes any more
            spin.SpinOnce(sleep1Threshold: -1); // a thread that was preempted in the hook needs the processor, not our sleep
        }
    }

    private void Membarrier()
    {
        const int global = 1, globalExpedited = 2;
        bool registered = (_page->Flags & Wire.FlagExpedited) != 0;
        Interlocked.MemoryBarrier();
        if (Omit == Omission.Membarrier)
            return; // with our own fence in place: what is left out is the threads'
        if (Syscall(MembarrierNumber, registered ? globalExpedited : global, 0, 0) != 0)
            throw new ControlException($"membarrier is not available here: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    private void AppendMark(uint kind, uint interval, string name)
    {
        byte[] text = System.Text.Encoding.UTF8.GetBytes(name);
        if (text.Length > 47 || kind == MarkEntry.Named && text.Length == 0)
            throw new ControlException("a mark's name has 1 to 47 bytes");
        var entry = new MarkEntry { Kind = kind, Interval = interval, MonoNs = MonotonicNs() };
        text.CopyTo((Span<byte>)entry.Name);
        var options = new FileStreamOptions
        {
            Mode = FileMode.Append,
            Access = FileAccess.Write,
            Share = FileShare.ReadWrite,
            UnixCreateMode = PrivateFile.Mode,
        };
        using var marks = new FileStream(Path.Combine(_directory, Wire.MarksFile), options);
        marks.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<MarkEntry>(in entry)));
    }

    private void RequireAlive()
    {
        if (!IsAlive)
            throw new ControlException($"pid {_page->Pid}: the process has ended");
    }

    private FileLock Lock() => new(_lock);

    /// <summary>CLOCK_MONOTONIC in nanoseconds: on Linux, what Stopwatch reads.</summary>
    private static ulong MonotonicNs() => (ulong)(System.Diagnostics.Stopwatch.GetTimestamp() * (1_000_000_000.0 / System.Diagnostics.Stopwatch.Frequency));

    private static nint MembarrierNumber => RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 283 : 324;

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint Syscall(nint number, nint a, nint b, nint c);

    private readonly partial struct FileLock : IDisposable
    {
        private readonly SafeFileHandle _handle;

        public FileLock(SafeFileHandle handle)
        {
            _handle = handle;
            _ = Flock((int)handle.DangerousGetHandle(), 2 /* LOCK_EX */);
        }

        public void Dispose() => _ = Flock((int)_handle.DangerousGetHandle(), 8 /* LOCK_UN */);

        [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
        private static partial int Flock(int descriptor, int operation);
    }
}
