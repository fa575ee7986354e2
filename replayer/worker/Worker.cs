using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Worker;

/// <summary>
/// <c>allocreplay-worker PLAN RESULT PROGRESS [touch=N] [touch_calloc=1] [instrument=N] [residue_ms=N,N…] [loops=N [turn_loops=N]] [time_scale=X]
/// [processors=N,N…] [parent=PID] [noop=1|ideal=1] [hook=LIBRARY] [needs=FUNCTION]</c>: reissues a plan against whatever allocator this process was
/// started with, behind a hook if there is one, and writes what it measured. <c>allocreplay-worker version</c>: tells that allocator's release;
/// <c>settings NAME…</c>: values of its settings. Started by the replayer; not a command for people.
/// </summary>
internal static unsafe class Worker
{
    public static int Main(string[] args)
    {
        if (args is ["version"])
            return PrintVersion();
        if (args is ["settings", ..])
            return PrintSettings(args.AsSpan(1));
        if (args.Length < 3)
            Fail("usage: allocreplay-worker PLAN RESULT PROGRESS [name=value ...]"u8);
        // One that is gone already will not be told of: a worker that waits for its turn would wait for ever.
        if (!Libc.FollowParent((int)Number(args, "parent")))
            return WorkerExit.Failed;
        // Before any thread is made: all are where the first one is.
        if (Numbers(args, "processors") is { Length: > 0 } processors && !Libc.KeepOn(processors))
            Fail("cannot be kept on these processors"u8);
        bool noop = Number(args, "noop") != 0, ideal = Number(args, "ideal") != 0;
        Replay* replay = (Replay*)Libc.Map((nuint)sizeof(Replay));
        replay->Touch = noop ? TouchPolicy.None : (TouchPolicy)Number(args, "touch");
        replay->TouchCalloc = Number(args, "touch_calloc") != 0;
        replay->Instrument = (Instrument)Number(args, "instrument");
        if ((noop || ideal) && replay->Instrument == Instrument.Blocks)
            replay->Instrument = Instrument.None; // its blocks are nowhere
        replay->TimeScale = Number(args, "time_scale");
        fixed (byte* name = "allocreplay_record_thread"u8)
            replay->Record = (delegate* unmanaged<int, void>)Libc.dlsym(null, name);
        Provider provider = Provider.Of(Text(args, "hook"));
        if (Text(args, "needs") is { } needed && provider.Find(needed) == null)
            Fail(WorkerExit.HookNeedsMore, Encoding.UTF8.GetBytes($"{new string((sbyte*)provider.Path)} has no function {needed}"));
        byte* allocator = replay->Calls.Bind(provider);
        if (noop)
            replay->Calls.BindNoop();
        int* byDepth;
        fixed (byte* path = Encoding.UTF8.GetBytes(args[0] + "\0"))
            byDepth = Plan.Load(path, replay);
        Threads.MapStacks(replay);
        if (ideal)
            replay->Calls.BindIdeal(replay->LargestRequest());
        if (replay->Instrument == Instrument.Latency)
            LatencyTables.Prepare(replay);
        else if (replay->Instrument == Instrument.Blocks)
            BlockTables.Prepare(replay);
        int loops = Math.Max(1, (int)Number(args, "loops"));
        // Before any thread is made: those are counted that begin later.
        Counters? counters = replay->Instrument == Instrument.None ? new Counters(Number(args, "stand_in") != 0) : null;
        if (replay->Instrument == Instrument.Memory)
            replay->Memory = MemoryWatch.Create(replay, loops, isComputed: ideal);
        var measured = new Measurement(loops, Numbers(args, "residue_ms")) { Threads = replay->ThreadCount, IsLocked = replay->IsLocked };
        fixed (byte* path = Encoding.UTF8.GetBytes(args[2] + "\0"))
            replay->SharedProgress = MapProgress(path, replay->OpCount * loops);
        Measure(replay, byDepth, loops, (int)Number(args, "turn_loops"), measured, counters);
        ResultWriter.Write(args[1], replay, measured, counters, noop ? "noop" : ideal ? "ideal" : new string((sbyte*)allocator));
        return 0;
    }

    /// <summary>What provides malloc, its release and its family: a line each.</summary>
    private static int PrintVersion()
    {
        Provider provider = Provider.Of(null);
        Print($"{new string((sbyte*)provider.Path)}\n{AllocatorVersion.Of(provider)}\n{(int)AllocatorVersion.FamilyOf(provider)}\n");
        return 0;
    }

    /// <summary>Of each setting that the allocator has, its name and its value: a line each.</summary>
    private static int PrintSettings(ReadOnlySpan<string> names)
    {
        Provider provider = Provider.Of(null);
        foreach (string name in names)
            if (AllocatorSettingValue.Read(provider, name) is { } value)
                Print($"{name}={value}\n");
        return 0;
    }

    private static void Print(string lines)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(lines);
        fixed (byte* text = bytes)
            _ = Libc.write(1, text, (nuint)bytes.Length);
    }

    /// <summary>The value of an argument <c>name=value</c>; 0 when it is not there.</summary>
    private static double Number(string[] args, string name) =>
        Text(args, name) is { } value ? double.Parse(value, CultureInfo.InvariantCulture) : 0;

    /// <summary>The values of an argument <c>name=value,value…</c>.</summary>
    private static long[] Numbers(string[] args, string name) => Text(args, name) is { Length: > 0 } values
        ? [.. values.Split(',').Select(v => long.Parse(v, CultureInfo.InvariantCulture))]
        : [];

    private static string? Text(string[] args, string name) =>
        args.FirstOrDefault(a => a.StartsWith($"{name}=", StringComparison.Ordinal))?[(name.Length + 1)..];

    /// <summary>Null where there is no such file: then nobody watches.</summary>
    private static RunProgress* MapProgress(byte* path, long totalOps)
    {
        int fd = Libc.open(path, Libc.ReadWrite | Libc.CloseOnExec, 0);
        if (fd < 0)
            return null;
        RunProgress* shared = (RunProgress*)Libc.mmap(
            null, (nuint)sizeof(RunProgress), Libc.ProtRead | Libc.ProtWrite, Libc.MapShared | Libc.MapPopulate, fd, 0);
        _ = Libc.close(fd);
        if (shared == (RunProgress*)-1)
            return null;
        shared->TotalOps = totalOps;
        return shared;
    }

    private static void Measure(Replay* replay, int* byDepth, int loops, int turnLoops, Measurement m, Counters? counters)
    {
        MemoryProbe.Open();
        if (replay->Record != null && replay->MainThread >= 0)
        {
            // It is the first of all, as it was when recorded; what it does before its calls is not recorded.
            replay->Record(1);
            replay->Record(0);
        }
        Prepare(replay);
        // Whatever these calls allocate on first use is allocated before it counts.
        m.Before();
        m.After(loop: 0, elapsedNs: 0);
        if (replay->HasPrologue)
            m.TakeBaseline(replay->Memory);
        for (int loop = 0; ; loop++)
        {
            // Each replay of the window runs on the heap that it ran on: what is carried is acquired anew.
            long beforePrologue = Libc.Now();
            Prologue.Make(replay, byDepth);
            m.PrologueNs += replay->HasPrologue ? Libc.Now() - beforePrologue : 0;
            if (loop == 0)
                m.BeginMemory(replay->Memory);
            // Others have their turn: all is ready, and whatever threads there are stand still.
            if (turnLoops > 0 && loop % turnLoops == 0)
                Libc.Pause();
            counters?.Before();
            m.Before();
            long start = Libc.Now();
            Threads.OpenGate(replay);
            if (replay->MainThread >= 0)
                RunMain(replay);
            Threads.Join(replay, byDepth);
            m.After(loop, Libc.Now() - start);
            counters?.After();
            Reaper.Stop();
            if (replay->Instrument == Instrument.Blocks)
                BlockTables.CheckLeftovers(replay);
            if (loop + 1 == loops)
                break;
            Threads.LetGo(replay);
            Reset(replay);
            Prepare(replay);
        }
        m.EndMemory(replay->Memory);
    }

    private static void Prepare(Replay* replay)
    {
        Reaper.Start(replay);
        Threads.SpawnRoots(replay);
    }

    private static void RunMain(Replay* replay)
    {
        if (replay->Record != null)
            replay->Record(1);
        Threads.Run(replay->Threads + replay->MainThread);
        if (replay->Progress[replay->MainThread].IsExitAwaited)
            Threads.MarkExited(replay->Progress + replay->MainThread);
    }

    /// <summary>Releases what the trace leaves, and puts slots and flags back to where they were.</summary>
    private static void Reset(Replay* replay)
    {
        for (long i = 0; i < replay->LeftoverCount; i++)
            replay->Calls.Free((void*)replay->Slots[replay->Leftovers[i]]);
        for (long slot = 0; slot < replay->SlotCount; slot++)
            replay->Slots[slot] = 0;
        if (replay->Memory != null)
            replay->Memory->Clear();
        for (int i = 0; i < replay->ThreadCount; i++)
            replay->Progress[i] = new ThreadProgress { Flags = replay->Progress[i].Flags };
        replay->Gate = Gate.Closed;
        replay->Arrived = 0;
        replay->Leaving = 0;
        replay->LeavingCount = 0;
    }

    /// <summary>Ends the process with one line on stderr. Allocates nothing: any thread may call it at any time.</summary>
    [DoesNotReturn]
    public static void Fail(ReadOnlySpan<byte> text) => Fail(WorkerExit.Failed, text);

    /// <inheritdoc cref="Fail(ReadOnlySpan{byte})"/>
    [DoesNotReturn]
    public static void Fail(int code, ReadOnlySpan<byte> text) => Fail(text, null, default, code);

    /// <inheritdoc cref="Fail(ReadOnlySpan{byte})"/>
    [DoesNotReturn]
    public static void Fail(ReadOnlySpan<byte> text, long? figure, ReadOnlySpan<byte> rest, int code = WorkerExit.Failed)
    {
        byte* line = stackalloc byte[512];
        var buffer = new Span<byte>(line, 512);
        text = text[..Math.Min(text.Length, 400)];
        text.CopyTo(buffer);
        int length = text.Length;
        if (figure is { } n && n.TryFormat(buffer[length..], out int digits, default, System.Globalization.CultureInfo.InvariantCulture))
            length += digits;
        rest.CopyTo(buffer[length..]);
        length += rest.Length;
        line[length++] = (byte)'\n';
        _ = Libc.write(2, line, (nuint)length);
        Libc._exit(code);
        throw new InvalidOperationException();
    }
}
