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
internal sealed class RemoteCall(int pid, ProcessMemory memory, Func<ForbiddenCode> forbidden, ulong sigreturn)
{
    private const int ExtendedStateMin = 576, ExtendedStateMax = 64 << 10; // of XSAVE; with AMX some 11 KiB
    private const int Nobody = int.MaxValue; // no thread has this id
    private const ulong StackLeast = 64 << 10; // for the loader, and for us
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(1);

    private string _obstacle = "none of its threads waits in a system call";

    /// <summary>How long threads were held, in all.</summary>
    public TimeSpan Held { get; private set; }

    /// <summary>The thread that calls it.</summary>
    public RestingThread Caller { get; private set; }

    /// <summary>Begins the call, as soon as a thread is where it can.</summary>
    /// <param name="function">What to call.</param>
    /// <param name="patience">How long to look for such a thread.</param>
    /// <exception cref="ControlException">There is none.</exception>
    public void Begin(RemoteFunction function, TimeSpan patience)
    {
        // A thread of its own: to the kernel it is the tracer, and its end lets go of what it traces.
        Exception? failure = null;
        var tracer = new Thread(() =>
        {
            try
            {
                Look(function, patience);
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
        _ = Begin(Nobody, [], new ForbiddenCode(memory, [], 0, []), function);
        _ = Ptrace.ReadSignalMask(Nobody, out _) | Ptrace.Write(Nobody, registers);
        _ = Ptrace.ReadExtendedState(Nobody, new byte[ExtendedStateMin]) + Ptrace.HasStopped(Nobody);
        _ = ProcessStatus.OfThread(pid, pid)?.HasSignal;
    }

    private void Look(RemoteFunction function, TimeSpan patience)
    {
        Ptrace.Hurry();
        Rehearse(function);
        long began = Stopwatch.GetTimestamp();
        do
        {
            List<Mapping> map = MemoryMap.Of(pid);
            ForbiddenCode code = forbidden();
            foreach (int thread in ProcessStatus.Threads(pid))
            {
                // Without a stop: most are refused here.
                if (RestingThread.Of(pid, thread) is not { } seen || WhyNot(seen, map, code, null) is not null)
                    continue;
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
            Thread.Sleep(Pause);
        }
        while (Stopwatch.GetElapsedTime(began) < patience);
        throw new ControlException($"pid {pid}: no thread was found in {patience.TotalSeconds:0.#} s that could open a library safely: {_obstacle}");
    }

    /// <summary>With the thread stopped.</summary>
    private bool Begin(int thread, IReadOnlyList<Mapping> map, ForbiddenCode code, RemoteFunction function)
    {
        byte[] extended = new byte[ExtendedStateMax];
        if (!Ptrace.Read(thread, out Registers registers) || ProcessStatus.OfThread(pid, thread) is not { HasSignal: false })
            return false;
        int length = Ptrace.ReadExtendedState(thread, extended);
        bool isReadable = length >= ExtendedStateMin && length < extended.Length;
        if (!isReadable)
            _obstacle = "this processor's state of vectors cannot be read";
        if (isReadable && RestingThread.Of(thread, registers) is { } resting && WhyNot(resting, map, code, registers) is null
            && Ptrace.ReadSignalMask(thread, out ulong mask))
        {
            RestoringFrame frame = RestoringFrame.Of(registers, mask, extended.AsSpan(0, length), sigreturn, function);
            if (memory.TryWrite(frame.Address, frame.Bytes) && Ptrace.Write(thread, frame.Registers))
            {
                Caller = resting;
                return true;
            }
        }
        // We have interrupted it for nothing. What the kernel does not begin again, we do.
        if (RestingThread.EndedEarly(registers))
            _ = Ptrace.Write(thread, RestoringFrame.Again(registers));
        return false;
    }

    /// <summary>Why a thread cannot do it, and null when it can. Its registers are known once it is stopped.</summary>
    private string? WhyNot(RestingThread resting, IReadOnlyList<Mapping> map, ForbiddenCode code, Registers? registers)
    {
        string? why = null;
        Mapping stack = map.FirstOrDefault(m => m.Has(resting.StackPointer));
        bool isFirst = resting.Thread == pid;
        // The C library keeps a thread's own data above its stack. On any other stack, as one of a coroutine, it is not known how much there is left.
        ulong top = isFirst ? stack.End : registers is { FsBase: var own } ? own : Math.Min(stack.End, resting.StackPointer + 4096);
        if (isFirst && stack.Name != "[stack]" || !stack.Has(top - 1) || top <= resting.StackPointer)
            why = "it is on a stack of the program's own";
        else if (!isFirst && resting.StackPointer - stack.Start < StackLeast)
            why = "it has too little stack left";
        else if (code.Around(resting.Counter,
            memory.Bytes(resting.StackPointer, (int)Math.Min(top - resting.StackPointer, ForbiddenCode.StackLooked) & ~7)) is { } name)
        {
            why = $"it is, or seems to be, inside of {name}";
        }
        if (why is not null)
            _obstacle = $"of thread {resting.Thread}, {why}";
        return why;
    }
}
