using System.Diagnostics;
using System.Runtime.InteropServices;

namespace AllocReplay.Recorder.Attach;

/// <summary>A function whose first five bytes are to be a jump: struct ar_detour of recorder/hook/detour.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct Detour(ulong Function, ulong Before, ulong After)
{
    public const int JumpSize = 5;
}

/// <summary>
/// Puts the detours of an attached program in place, and takes them away. All of its threads are stopped for that, as none may be between the instructions
/// that change, or return there from a signal.
/// </summary>
/// <remarks>
/// Each detour is one write within a page, so whoever kills us leaves some in place and some not. A program runs well with either; where we were killed, calls
/// are missing.
/// </remarks>
internal sealed class Detours(TargetProgram program, Detour[] list)
{
    private const int StackLooked = 16 << 10; // a signal's frame has some KiB, and lies near the end where a handler waits
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5), Pause = TimeSpan.FromMilliseconds(1);

    private readonly ulong _first = list.Min(d => d.Function), _last = list.Max(d => d.Function);

    /// <summary>How long threads were held.</summary>
    public TimeSpan Held { get; private set; }

    /// <returns>Whether all are as wanted.</returns>
    /// <exception cref="ControlException">The program's threads cannot be stopped.</exception>
    public bool Put(bool inPlace)
    {
        string obstacle = "one of its threads is always about to allocate";
        long began = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(began) < Patience)
        {
            bool? isDone = null;
            // A thread of its own for each attempt: to the kernel it is the tracer, and its end lets go of what it traces.
            var tracer = new Thread(() =>
            {
                try
                {
                    isDone = Try(inPlace);
                }
                catch (ControlException e)
                {
                    obstacle = e.Message;
                }
            }, 256 << 10);
            tracer.Start();
            tracer.Join();
            if (isDone is { } done)
                return done;
            if (!Directory.Exists($"/proc/{program.Pid}"))
                throw new ControlException($"pid {program.Pid}: has ended");
            Thread.Sleep(Pause);
        }
        throw new ControlException($"pid {program.Pid}: its code cannot be changed: {obstacle}");
    }

    /// <returns>Null: not now.</returns>
    private bool? Try(bool inPlace)
    {
        Ptrace.Hurry();
        byte[] stack = new byte[StackLooked];
        _ = IsClear(new Registers(), stack) | Write([], inPlace); // compiled now, and not while all are held
        StoppedProgram? stopped = null;
        try
        {
            stopped = StoppedProgram.Stop(program.Pid);
            bool isClear = stopped.Threads.All(t => Ptrace.Read(t.Id, out Registers registers) && IsClear(registers, stack));
            return isClear ? Write(list, inPlace) : null;
        }
        finally
        {
            stopped?.Dispose();
            Held += stopped?.Held ?? TimeSpan.Zero;
        }
    }

    /// <summary>Whether a thread is elsewhere, and will not come back to there.</summary>
    private bool IsClear(in Registers registers, byte[] stack)
    {
        if (IsInside(registers.Rip))
            return false;
        // What is above the stack's end is not there.
        int length = StackLooked;
        while (length > 0 && !program.Memory.TryRead(registers.Rsp, stack.AsSpan(0, length)))
            length = length > 4096 ? length - 4096 : length / 2 & ~7;
        foreach (ulong word in MemoryMarshal.Cast<byte, ulong>(stack.AsSpan(0, length)))
            if (word > _first && word < _last + Detour.JumpSize && IsInside(word))
                return false;
        return true;
    }

    private bool IsInside(ulong address) => list.Any(d => address > d.Function && address < d.Function + Detour.JumpSize);

    private bool Write(ReadOnlySpan<Detour> detours, bool inPlace)
    {
        bool isWhole = true;
        foreach (Detour d in detours)
        {
            ulong now = program.Memory.At<ulong>(d.Function), wanted = inPlace ? d.After : d.Before;
            bool isOurs = now == d.Before || now == d.After;
            isWhole &= isOurs && (now == wanted
                || program.Memory.TryWrite(d.Function, MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(ref wanted))[..Detour.JumpSize]));
        }
        return isWhole;
    }
}
