using System.Diagnostics.CodeAnalysis;
using System.Text;
using AllocReplay.Replayer;

namespace AllocReplay.Worker;

/// <summary>
/// <c>allocreplay-worker PLAN RESULT TOUCH INTERVAL_US [noop]</c>: reissues a plan against whatever allocator this process
/// was started with, and writes what it measured. Started by the replayer; not a command for people.
/// </summary>
internal static unsafe class Worker
{
    private const int FailureCode = 70; // EX_SOFTWARE: told from a crash, which is a signal

    public static int Main(string[] args)
    {
        int touch = 0;
        long intervalUs = 0;
        if (args.Length is not (4 or 5) || !int.TryParse(args[2], out touch) || !long.TryParse(args[3], out intervalUs))
            Fail("usage: allocreplay-worker PLAN RESULT TOUCH INTERVAL_US [noop]"u8);
        bool noop = args.Length == 5;
        Replay* replay = (Replay*)Libc.Map((nuint)sizeof(Replay));
        replay->Touch = noop ? TouchPolicy.None : (TouchPolicy)touch;
        byte* allocator = replay->Calls.Bind();
        if (noop)
            replay->Calls.BindNoop();
        int* byDepth;
        fixed (byte* path = Encoding.UTF8.GetBytes(args[0] + "\0"))
            byDepth = Plan.Load(path, replay);
        Threads.MapStacks(replay);
        var measured = new Measurement { Threads = replay->ThreadCount };
        Measure(replay, byDepth, intervalUs * 1000, measured);
        ResultWriter.Write(args[1], replay, measured, noop ? "noop" : new string((sbyte*)allocator));
        return 0;
    }

    private static void Measure(Replay* replay, int* byDepth, long intervalNs, Measurement m)
    {
        MemoryProbe.Open();
        for (int i = 0; i < replay->ThreadCount; i++)
            if (replay->Threads[i].Parent < 0 && i != replay->MainThread)
                Threads.Spawn(replay->Threads + i);
        if (intervalNs > 0)
            MemoryProbe.Start(intervalNs);
        // Whatever these calls allocate on first use is allocated before it counts.
        m.Before();
        m.BaselineBytes = MemoryProbe.Exact();
        m.Before();
        long start = Libc.Now();
        Threads.OpenGate(replay);
        if (replay->MainThread >= 0)
            ReplayLoop.Run(replay->Threads + replay->MainThread);
        Threads.Join(replay, byDepth);
        m.ElapsedNs = Libc.Now() - start;
        m.After();
        m.EndBytes = MemoryProbe.Exact();
        if (intervalNs > 0)
            MemoryProbe.Stop();
        m.PeakBytes = Math.Max(MemoryProbe.Peak, Math.Max(m.BaselineBytes, m.EndBytes));
        m.Samples = MemoryProbe.Samples;
    }

    /// <summary>Ends the process with one line on stderr. Allocates nothing: any thread may call it at any time.</summary>
    [DoesNotReturn]
    public static void Fail(ReadOnlySpan<byte> text) => Fail(text, null, default);

    /// <inheritdoc cref="Fail(ReadOnlySpan{byte})"/>
    [DoesNotReturn]
    public static void Fail(ReadOnlySpan<byte> text, long? figure, ReadOnlySpan<byte> rest)
    {
        byte* line = stackalloc byte[256];
        var buffer = new Span<byte>(line, 256);
        text.CopyTo(buffer);
        int length = text.Length;
        if (figure is { } n && n.TryFormat(buffer[length..], out int digits, default, System.Globalization.CultureInfo.InvariantCulture))
            length += digits;
        rest.CopyTo(buffer[length..]);
        length += rest.Length;
        line[length++] = (byte)'\n';
        _ = Libc.write(2, line, (nuint)length);
        Libc._exit(FailureCode);
        throw new InvalidOperationException();
    }
}
