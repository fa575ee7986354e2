using System.Diagnostics;

namespace AllocReplay.Recorder.Attach;

/// <summary>
/// Has a process call a function, on one of its threads that waits in a system call: one change of registers onto a frame that restores itself
/// (<see cref="RestoringFrame"/>). The thread is held while it is looked at and its stack is written, for milliseconds, and runs the function by
/// itself.
/// </summary>
/// <remarks>
/// Whoever kills us leaves a thread that has not been changed, or one that will have been restored: what is written before the registers lies below the
/// thread's stack, where nothing of it is, and all registers change in one call.
/// </remarks>
internal sealed class RemoteCall(int pid, ProcessMemory memory, Func<ForbiddenCode> forbidden, LoaderLocks locks, ulong sigreturn)
{
    private const int ExtendedStateMin = 576, ExtendedStateMax = 64 << 10; // of XSAVE; with AMX some 11 KiB
    private const int Nobody = int.MaxValue; // no thread has this id
    private const ulong StackLeast = 64 << 10; // for the loader, and for us
    private const int StackMax = 1 << 20; // of a stack that is in use: it is searched while the thread is held
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(1), Spared = TimeSpan.FromMilliseconds(50);

    /// <summary>
    /// Signals that wait until the call has ended: a handler may leave it half done, by a jump or as it ends the thread (pthread_cancel). All but those of
    /// the thread's own faults, which an allocator may handle, and the one by which the C library has all threads change their user (SIGSETXID), as whoever has
    /// sent it holds a lock that the loader takes too.
    /// </summary>
    private static readonly ulong Blocked = ~new[] { 4, 5, 7, 8, 11, 31, 33 }.Aggregate(0ul, (set, signal) => set | 1ul << signal - 1);

    private readonly byte[] _stack = GC.AllocateArray<byte>(StackMax, pinned: true);
    private readonly Dictionary<int, long> _refused = []; // when, of threads that were stopped for nothing

    private string? _obstacle;

    /// <summary>How long threads were held, in all.</summary>
    public TimeSpan Held { get; private set; }

    /// <summary>The thread that calls it.</summary>
    public RestingThread Caller { get; private set; }

    /// <summary>Begins the call, as soon as a thread is where it can.</summary>
    /// <param name="function">What to call.</param>
    /// <param name="patience">How long to look for such a thread.</param>
    /// <param name="cancel">Ends the search.</param>
    /// <exception cref="ControlException">There is none.</exception>
    /// <exception cref="OperationCanceledException">The caller wants no more; nothing was called.</exception>
    public void Begin(RemoteFunction function, TimeSpan patience, CancellationToken cancel)
    {
        // A thread of its own: to the kernel it is the tracer, and its end lets go of what it traces.
        Exception? failure = null;
        var tracer = new Thread(() =>
        {
            try
            {
                Look(function, patience, cancel);
            }
            catch (Exception e)
            {
                failure = e;
            }
        }, 256 << 10);
        tracer.Start();
        tracer.Join();
        if (failure is ControlException told)
            throw new ControlException(told.Message);
        if (failure is OperationCanceledException)
            throw new OperationCanceledException(cancel);
        if (failure is not null)
            throw new InvalidOperationException("an attempt to attach has failed", failure);
    }

    /// <summary>All that is done while a thread is held, without one: the runtime compiles it now, and not then.</summary>
    private void Rehearse(RemoteFunction function)
    {
        var registers = new Registers { Rsp = 1 << 20 };
        RestoringFrame frame = RestoringFrame.Of(registers, 0, new byte[ExtendedStateMin], sigreturn, function);
        _ = RestingThread.Of(Nobody, registers) is not null | RestingThread.EndedEarly(registers);
        _ = memory.TryWrite(0, frame.Bytes.AsSpan(0, 0));
        _ = StoppedThread.Stop(pid, Nobody);
        var nothing = new ForbiddenCode(memory, [], 0, []);
        _ = Begin(Nobody, [], nothing, function);
        _ = WhyNotNow(new RestingThread(Nobody, 0, 0, 0), [], nothing, registers, Nobody);
        _ = SignalFrames.AnyIn(_stack, ulong.MaxValue, ownToo: false); // its memory is there now, too
        _ = Ptrace.ReadSignalMask(Nobody, out _) | Ptrace.Write(Nobody, registers) | Ptrace.WriteSignalMask(Nobody, 0);
        _ = Ptrace.ReadExtendedState(Nobody, new byte[ExtendedStateMin]) + Ptrace.HasStopped(Nobody);
        _ = ProcessStatus.OfThread(pid, pid) is { HasSignal: true, OwnPid: 0 };
    }

    private void Look(RemoteFunction function, TimeSpan patience, CancellationToken cancel)
    {
        Ptrace.Hurry();
        Rehearse(function);
        _obstacle = null; // of no thread that there is
        long began = Stopwatch.GetTimestamp();
        do
        {
            cancel.ThrowIfCancellationRequested();
            List<Mapping> map = MemoryMap.Of(pid);
            ForbiddenCode code = forbidden();
            // Without a stop: most are refused here. First come those whose call the kernel begins again itself, whatever becomes of us.
            foreach (int thread in Candidates(map, code).OrderBy(t => t.EndsEarly).Select(t => t.Thread).ToList())
            {
                using StoppedThread? stopped = StoppedThread.Stop(pid, thread);
                bool isBegun = stopped is not null && Begin(thread, map, code, function);
                if (stopped is not null)
                {
                    stopped.Dispose();
                    Held += stopped.Held;
                }
                if (isBegun)
                    return;
            }
            if (!Directory.Exists($"/proc/{pid}"))
                throw new ControlException($"pid {pid}: has ended");
            cancel.WaitHandle.WaitOne(Pause);
        }
        while (Stopwatch.GetElapsedTime(began) < patience);
        throw new ControlException($"pid {pid}: no thread was found in {patience.TotalSeconds:0.#} s that could open a library safely: "
            + (_obstacle ?? NoneRests()));
    }

    private IEnumerable<RestingThread> Candidates(List<Mapping> map, ForbiddenCode code)
    {
        foreach (int thread in ProcessStatus.Threads(pid))
        {
            bool isSpared = _refused.TryGetValue(thread, out long at) && Stopwatch.GetElapsedTime(at) < Spared;
            if (!isSpared && RestingThread.Of(pid, thread) is { } seen && WhyNot(seen, map, code) is null)
                yield return seen;
        }
    }

    /// <summary>Where no thread was near enough for another reason.</summary>
    private string NoneRests() => ProcessStatus.Threads(pid).FirstOrDefault(t => RestingThread.IsBegunAgain(pid, t)) is > 0 and var thread
        ? $"thread {thread} waits in a system call that the kernel has begun again after a stop (SIGSTOP), and could not once more; when that wait has ended, "
            + "it may"
        : "none of its threads waits in a system call";

    /// <summary>With the thread stopped.</summary>
    private bool Begin(int thread, IReadOnlyList<Mapping> map, ForbiddenCode code, RemoteFunction function)
    {
        byte[] extended = new byte[ExtendedStateMax];
        if (!Ptrace.Read(thread, out Registers registers) || ProcessStatus.OfThread(pid, thread) is not { HasSignal: false, OwnPid: var own })
            return false;
        int length = Ptrace.ReadExtendedState(thread, extended);
        bool isReadable = length >= ExtendedStateMin && length < extended.Length;
        if (!isReadable)
            _obstacle = "this processor's state of vectors cannot be read";
        if (isReadable && RestingThread.Of(thread, registers) is { } resting)
        {
            if (WhyNotNow(resting, map, code, registers, own) is null && Ptrace.ReadSignalMask(thread, out ulong mask))
            {
                RestoringFrame frame = RestoringFrame.Of(registers, mask, extended.AsSpan(0, length), sigreturn, function);
                if (memory.TryWrite(frame.Address, frame.Bytes) && Ptrace.Write(thread, frame.Registers))
                {
                    // After the registers: whoever kills us in between leaves a thread that takes its signals, and no mask that nothing restores.
                    _ = Ptrace.WriteSignalMask(thread, Blocked);
                    Caller = resting;
                    return true;
                }
            }
            _refused[thread] = Stopwatch.GetTimestamp();
        }
        // We have interrupted it for nothing. What the kernel does not begin again, we do.
        if (RestingThread.EndedEarly(registers))
            _ = Ptrace.Write(thread, RestoringFrame.Again(registers));
        return false;
    }

    /// <summary>Why a thread cannot do it, as far as can be told while it is not stopped; null when it may.</summary>
    private string? WhyNot(RestingThread resting, IReadOnlyList<Mapping> map, ForbiddenCode code)
    {
        Mapping mapping = map.FirstOrDefault(m => m.Has(resting.StackPointer));
        // Of others than the first, the top is in their registers.
        ThreadStack? stack = resting.Thread == pid ? ThreadStack.OfFirst(pid, map, resting.StackPointer)
            : mapping.End != 0 ? new ThreadStack(mapping.Start, Math.Min(mapping.End, resting.StackPointer + 4096)) : null;
        return Refused(resting, WhyNot(resting, stack, code, holdsLoader: false));
    }

    /// <summary>Why it cannot, when it is stopped: its registers are known, and its stack stays what it is.</summary>
    private string? WhyNotNow(RestingThread resting, IReadOnlyList<Mapping> map, ForbiddenCode code, in Registers registers, int own)
    {
        ThreadStack? stack = resting.Thread == pid ? ThreadStack.OfFirst(pid, map, resting.StackPointer)
            : ThreadStack.Of(memory, resting.StackPointer, registers.FsBase);
        bool holdsLoader = locks.Has(own, out bool othersHold);
        return Refused(resting, othersHold ? "it would wait for one of the loader's locks, which another thread holds"
            : WhyNot(resting, stack, code, holdsLoader) ?? WhyNotOf(stack!.Value, registers, holdsLoader));
    }

    private string? WhyNot(RestingThread resting, ThreadStack? stack, ForbiddenCode code, bool holdsLoader)
    {
        // On a stack that is not the C library's, as one of a coroutine, it is not known how much there is left.
        if (stack is not { } known || known.Top <= resting.StackPointer)
            return "it is on a stack of the program's own";
        if (resting.StackPointer < known.Lowest + StackLeast)
            return "it has too little stack left";
        byte[] end = memory.Bytes(resting.StackPointer, (int)Math.Min(known.Top - resting.StackPointer, ForbiddenCode.StackLooked) & ~7);
        return code.Around(resting.Counter, end, holdsLoader) is { } name ? $"it is, or seems to be, inside of {name}" : null;
    }

    private string? WhyNotOf(ThreadStack stack, in Registers registers, bool holdsLoader)
    {
        ulong length = stack.Top - registers.Rsp & ~7ul;
        if (length > StackMax)
            return "so much of its stack is in use that it is not searched for a signal's frame";
        Span<byte> used = _stack.AsSpan(0, (int)length);
        if (!memory.TryRead(registers.Rsp, used))
            return "its stack cannot be read";
        // Frames of ours are of earlier calls, unless it is in the middle of one: then it has the loader's lock.
        return SignalFrames.AnyIn(used, registers.Cs | registers.Ss << 48, ownToo: holdsLoader) ? "it handles a signal, or seems to" : null;
    }

    private string? Refused(RestingThread resting, string? why)
    {
        if (why is not null)
            _obstacle = $"of thread {resting.Thread}, {why}";
        return why;
    }
}
