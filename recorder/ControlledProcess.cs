using System.Diagnostics;
using System.Runtime.InteropServices;
using AllocReplay.Formats;
using AllocReplay.Formats.Recording;
using AllocReplay.Recorder.Arena;
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
public record ControlStatus(string Image, uint Pid, bool Alive, string State, uint Interval, uint Threads, ulong LostEvents);

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
    private readonly string _name;
    private readonly ImageDirectory _directory;
    private readonly SafeFileHandle _lock;
    private readonly ImageMemory _image;
    private readonly ProcessHeader* _page;

    private ControlledProcess(string name, ImageDirectory directory, SafeFileHandle @lock, ImageMemory image)
    {
        (_name, _directory, _lock, _image) = (name, directory, @lock, image);
        _page = image.Page;
    }

    /// <summary>What to leave out, for the litmus test that shows what each step is for.</summary>
    internal enum Omission { Nothing, Membarrier, Wait }

    internal Omission Omit { get; init; }

    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Attaches to a process image's directory.</summary>
    /// <exception cref="ControlException">It is not one, or may not be written.</exception>
    public static ControlledProcess Open(string directory) => Open(directory, Omission.Nothing);

    internal static ControlledProcess Open(string directory, Omission omit)
    {
        string path = Path.Combine(directory, Wire.ProcessFile);
        ImageDirectory? files = null;
        SafeFileHandle? process = null;
        try
        {
            files = new ImageDirectory(directory);
            process = files.Open(Wire.ProcessFile, ImageDirectory.ReadWrite);
            ProcessHeader header = default;
            if (RandomAccess.Read(process, MemoryMarshal.AsBytes(new Span<ProcessHeader>(ref header)), 0) < sizeof(ProcessHeader))
                throw new ControlException($"{path}: expected a header of {sizeof(ProcessHeader)} bytes");
            if (header.Magic != Wire.ProcessMagic || header.VersionMajor != Wire.VersionMajor)
                throw new ControlException($"{path}: expected the header of a recorded process of format version {Wire.VersionMajor}");
            return new ControlledProcess(Path.GetFileName(directory.TrimEnd('/')), files, process, MemoryOf(directory, files, process, header)) { Omit = omit };
        }
        catch (Exception e)
        {
            process?.Dispose();
            files?.Dispose();
            if (e is IOException or UnauthorizedAccessException)
                throw new ControlException($"{path}: {e.Message}");
            throw;
        }
    }

    private static ImageMemory MemoryOf(string directory, ImageDirectory files, SafeFileHandle process, in ProcessHeader header)
    {
        if ((header.Flags & Wire.FlagDrained) == 0)
            return new FileImage(files, process, isCopy: false);
        if (SharedArena.Open(Path.GetDirectoryName(Path.GetFullPath(directory.TrimEnd('/')))!) is { } arena)
        {
            if (ArenaImage.Find(arena, header) is { } image)
                return image;
            arena.Dispose();
        }
        return new FileImage(files, process, isCopy: true);
    }

    /// <summary>What the recording is doing now.</summary>
    public ControlStatus Status()
    {
        bool alive = IsAlive;
        string state = HasFailed ? "failed" : !alive ? "ended" : Volatile.Read(ref _page->Control) != 0 ? "recording" : "stopped";
        return new ControlStatus(_name, _page->Pid, alive, state, _page->Interval, _page->Threads, _page->LostEvents);
    }

    /// <summary>Its page, as it is now.</summary>
    internal ProcessHeader Page => *_page;

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
        uint interval = _image.NextInterval();
        AppendMark(MarkEntry.Start, interval, "");
        _page->Interval = interval;
        Volatile.Write(ref _page->Control, interval);
        return interval;
    }

    /// <summary>
    /// Ends the interval. When this returns, it is complete in the file <c>events</c>, and no thread writes. A stop that was interrupted is
    /// brought to its end by the next one.
    /// </summary>
    /// <param name="timeout">How long to wait for threads that are in the hook; null: 10 s.</param>
    /// <returns>The interval's number, or 0 when none was being recorded.</returns>
    /// <exception cref="ControlException">The process cannot be made to pass a fence, or a thread stays in the hook for too long.</exception>
    public uint Stop(TimeSpan? timeout = null)
    {
        using var _ = Lock();
        uint interval = Volatile.Read(ref _page->Control);
        _image.LookForMore();
        Volatile.Write(ref _page->Control, 0);
        Membarrier();
        if (Omit != Omission.Wait)
            WaitUntilQuiet(timeout ?? DefaultTimeout);
        if (interval != 0)
            AppendMark(MarkEntry.Stop, interval, "");
        _image.Seal();
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
        _image.Dispose();
        _lock.Dispose();
        _directory.Dispose();
    }

    private bool HasFailed => Volatile.Read(ref _page->State) == (uint)RecordingState.Failed;

    private bool IsAlive => _image.IsAlive;

    /// <remarks>
    /// A thread in a slow path may have no tail yet, or be changing it: the counters must be equal before the flags are read,
    /// and unchanged after, or the flags are read again. A slow path that begins after the fence finds the recording stopped.
    /// </remarks>
    private void WaitUntilQuiet(TimeSpan timeout)
    {
        var spin = new SpinWait();
        long asked = 0;
        while (true)
        {
            ulong begun = Volatile.Read(ref _page->SlowBegun);
            if (Volatile.Read(ref _page->SlowDone) == begun && _image.AllDown() && !_image.LookForMore() && Volatile.Read(ref _page->SlowBegun) == begun)
                return;
            if (!IsAlive || RunningThreads.HasEnded((int)_page->Pid))
                return; // it was killed in the hook: nobody writes any more
            asked = asked == 0 ? Stopwatch.GetTimestamp() : asked;
            if (Stopwatch.GetElapsedTime(asked) > timeout)
            {
                throw new ControlException($"pid {_page->Pid}: a thread has been in the hook for {timeout.TotalSeconds:0.#} s, so the interval is not "
                    + $"complete yet; {RunningThreads.Describe((int)_page->Pid)}; stop again to wait again");
            }
            spin.SpinOnce(sleep1Threshold: 100); // a thread that was preempted in the hook needs the processor, and then time
        }
    }

    private void Membarrier()
    {
        const int global = 1, globalExpedited = 2;
        bool registered = (_page->Flags & Wire.FlagExpedited) != 0;
        Interlocked.MemoryBarrier();
        if (Omit == Omission.Membarrier)
            return; // with our own fence in place: what is left out is the threads'
        if (!Libc.Membarrier(registered ? globalExpedited : global))
            throw new ControlException($"membarrier is not available here: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    private void AppendMark(uint kind, uint interval, string name)
    {
        byte[] text = System.Text.Encoding.UTF8.GetBytes(name);
        if (text.Length > 47 || kind == MarkEntry.Named && text.Length == 0)
            throw new ControlException("a mark's name has 1 to 47 bytes");
        var entry = new MarkEntry { Kind = kind, Interval = interval, MonoNs = MonotonicNs() };
        text.CopyTo((Span<byte>)entry.Name);
        using var marks = new FileStream(_directory.Open(Wire.MarksFile, ImageDirectory.WriteOnly | ImageDirectory.Append), FileAccess.Write);
        marks.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<MarkEntry>(in entry)));
    }

    private void RequireAlive()
    {
        if (!IsAlive)
            throw new ControlException($"pid {_page->Pid}: the process has ended");
    }

    private FileLock Lock() => new(_lock);

    /// <summary>CLOCK_MONOTONIC in nanoseconds: on Linux, what Stopwatch reads.</summary>
    private static ulong MonotonicNs() => (ulong)(Stopwatch.GetTimestamp() * (1_000_000_000.0 / Stopwatch.Frequency));

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
