using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Recording;
using CsCheck;

namespace AllocReplay.Tests.Support.Views;

/// <summary>
/// A process image of a random recording. Any call may come at any address at any time: blocks are displaced, freed twice, freed before they were seen, and
/// other threads call while one is inside a reallocation. Times of different calls may be equal, and the threads' counters differ.
/// </summary>
/// <param name="Host">Which of the <see cref="Hosts"/> it is of.</param>
/// <param name="Stacks">How many stacks its calls have; 0 where they were not recorded.</param>
/// <param name="Slots">How many addresses there are. Where they are few, most blocks end by another that takes their address.</param>
/// <param name="IsWild">Whether times and sizes are of all magnitudes.</param>
/// <param name="HasBytes">Whether any size is above 0.</param>
/// <param name="Trend">1: the first blocks are larger; 2: they get smaller and smaller; 3: many sites have blocks of no bytes.</param>
/// <param name="FreesOf20">Of how many acts one is a release.</param>
/// <param name="SkewNs">By how much the second thread's counter is ahead of the first's, and the third's of the second's.</param>
/// <param name="Acts">What is called.</param>
internal sealed record RandomImage(
    int Host, int Stacks, int Slots, bool IsWild, bool HasBytes, int Trend, int FreesOf20, int SkewNs, RandomImage.Act[] Acts)
{
    /// <summary>A call.</summary>
    /// <param name="Thread">The thread.</param>
    /// <param name="What">0 to 19: what it does.</param>
    /// <param name="Slot">The address, and of a reallocation the one that it was given.</param>
    /// <param name="Other">Of a reallocation the address that it returns.</param>
    /// <param name="Size">Bytes, or which of the <see cref="Sizes"/>.</param>
    /// <param name="Gap">Since the call before.</param>
    /// <param name="Stack">Which stack.</param>
    public sealed record Act(int Thread, int What, int Slot, int Other, int Size, int Gap, int Stack);

    /// <summary>Names of hosts; the first recording does not tell.</summary>
    public static IReadOnlyList<string> Hosts { get; } = ["unknown", "b'ox", "NULL"];

    private const int Threads = 3, TickNs = 1 << RecordingWriter.TickShift;
    private const ulong Tag = 0xb4ul << 56;

    /// <summary>Of so many acts one has a mark.</summary>
    private const int MarkOf = 15;

    /// <summary>In so many acts somebody looks how much memory there is.</summary>
    private const int MemoryOf = 8;

    /// <summary>Names of marks, some of which come several times.</summary>
    private static readonly string[] Marks = ["deploy", "it's", "(end)", "a -> b"];

    private static readonly ulong[] Sizes =
    [
        0, 1, 2, 3, 63, 64, 65, 1023, 1024, 1ul << 40, (1ul << 50) - 1, (1ul << 61) - 1, (1ul << 62) - 1, 1ul << 62, (1ul << 63) - 1, 1ul << 63, ulong.MaxValue,
    ];

    private static readonly Gen<Act> AnyAct = Gen.Select(
        Gen.Int[0, Threads - 1], Gen.Int[0, 19], Gen.Int[1, 150], Gen.Int[1, 150], Gen.Int[0, 900], Gen.Int[0, 40], Gen.Int[0, 11],
        (thread, what, slot, other, size, gap, stack) => new Act(thread, what, slot, other, size, gap, stack));

    public static Gen<RandomImage> Any { get; } = Gen.Select(
        Gen.Int[0, Hosts.Count - 1], Gen.Int[0, 12], Gen.OneOf(Gen.Const(24), Gen.Const(150)), Gen.Int[0, 9], Gen.Int[0, 3], Gen.Int[0, 10], Gen.Int[0, 40],
        AnyAct.Array[1, 150], (host, stacks, slots, magnitudes, trend, frees, skew, acts) =>
            new RandomImage(host, stacks, slots, IsWild: magnitudes < 3, HasBytes: magnitudes != 9, trend, frees, skew * TickNs, acts));

    private bool HasStacks => Stacks > 0;

    /// <summary>How many events of it are gone but for what is carried; null where it is whole.</summary>
    private int? KeptFrom => Acts.Length % 3 == 1 ? Acts.Length * (1 + SkewNs / TickNs % 4) / 5 : null;

    private bool HasMarks => Acts.Length % 4 > 0;

    private bool HasMemory => Acts.Length % 5 > 0;

    /// <summary>Writes it into the recording directory of its host.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="name">Its name there.</param>
    /// <param name="index">Its place among all.</param>
    public void Write(string directory, string name, int index)
    {
        var writer = new RecordingWriter(directory, name)
        {
            Stacks = HasStacks,
            FreeStacks = HasStacks,
            Executable = $"/bin/program-{index}",
            Modules = HasStacks ? SampleStacks.Modules() : null,
            Symbols = HasStacks ? KnownStack.SymbolsOf(index) : null,
        };
        if (HasStacks)
            KnownStack.AddFrames(writer);
        foreach (int thread in Enumerable.Range(0, Threads))
            writer.Thread(thread);
        var inside = new (ulong Address, int Stack)?[Threads];
        long ns = 0;
        for (int i = 0; i < Acts.Length; i++)
        {
            Act act = Acts[i] with { Size = TrendOf(i) };
            ns += TickNs * (IsWild ? (long)Math.Pow(10, act.Gap % 12) * (act.Gap / 12) : act.Gap);
            long at = ns + act.Thread * SkewNs;
            if (HasMarks && act.Other % MarkOf == 0)
                writer.Mark(MarkEntry.Named, 1, at, Marks[act.Other / MarkOf % Marks.Length]);
            if (HasMemory && act.Other % MemoryOf == 0)
                writer.Memory(at - act.Gap % 3 * TickNs, (ulong)act.Size << act.Gap, (ulong)act.Slot << act.Gap, (ulong)act.What, (ulong)act.Size << 41);
            RecordingWriter.ThreadWriter thread = writer.Thread(act.Thread);
            if (inside[act.Thread] is { } call)
                thread.Event(at, CallKind.ReallocEnd, call.Address, stack: call.Stack);
            inside[act.Thread] = null;
            if (IsWild && act.What == 19)
            {
                // A lifetime that is a power of ten.
                long lifetime = (long)Math.Pow(10, 3 + act.Gap % 11);
                thread.Malloc(at, AddressOf(act.Slot), SizeOf(act), StackOf(act)).Free(at + lifetime, AddressOf(act.Slot));
                ns += lifetime;
            }
            else
            {
                inside[act.Thread] = Write(thread, at, act);
            }
        }
        writer.Save();
        if (KeptFrom is { } cut)
            Keep(Path.Combine(directory, name), cut);
        if (Host > 0)
            new SessionInfo { Command = ["x"], Host = Hosts[Host] }.Save(directory);
    }

    private static void Keep(string directory, int cut)
    {
        using RecordingWindow window = RecordingWindow.Open(directory);
        window.Look(isLast: true);
        window.PassEvents(cut);
        while (!window.IsCut && window.PassEvents(1) == 1)
        {
        }
        window.Save();
    }

    /// <returns>What a reallocation that it leaves the thread in returns, and its stack.</returns>
    private (ulong Address, int Stack)? Write(RecordingWriter.ThreadWriter thread, long ns, Act act)
    {
        ulong address = AddressOf(act.Slot), other = AddressOf(act.Other), size = SizeOf(act);
        int stack = StackOf(act), releasing = KnownStack.OfReleases.Number;
        if (act.What < FreesOf20)
        {
            thread.Free(ns, address, releasing);
            return null;
        }
        switch (act.What)
        {
            case 10: thread.Malloc(ns, 0, size, stack); break; // failed
            case 11: thread.Event(ns, CallKind.Calloc, address, size, count: IsWild ? 1ul << 40 : 3, stack: stack); break;
            case 12: thread.Event(ns, CallKind.PosixMemalign, address, size, alignment: 64, stack: stack); break;
            case 13: thread.Event(ns, CallKind.ReallocBegin, 0, size); return (other, stack);
            case 14 or 15: thread.Event(ns, CallKind.ReallocBegin, address, size); return (other, stack);
            case 16: thread.Event(ns, CallKind.ReallocBegin, address, size); return (address, stack);
            case 17: thread.Event(ns, CallKind.ReallocBegin, address, size | 1); return (0, stack); // fails
            case 18: thread.Event(ns, CallKind.ReallocBegin, address, 0); return (0, releasing); // frees
            case 19 when act.Other % 4 == 0: thread.Event(ns, CallKind.ReallocBegin, address, size); break; // how it ended is not in the trace
            case 19 when act.Other % 4 == 1: thread.Event(ns, CallKind.ThreadExit); break;
            case 19 when act.Other % 8 == 2: thread.Free(ns, 0); break;
            case 19 when act.Other % 8 == 6: thread.Event(ns, CallKind.Gap, count: 1 + size); break;
            default: thread.Malloc(ns, address, size, stack); break;
        }
        return null;
    }

    private ulong AddressOf(int slot) => 0x1000ul * (ulong)(slot % Slots + 1) | (slot % Slots % 8 == 0 ? Tag : 0);

    private ulong SizeOf(Act act) => !HasBytes ? 0 : IsWild ? Sizes[act.Size % Sizes.Length] : act.Size < 60 ? 0 : (ulong)act.Size;

    private int TrendOf(int act) => Trend switch
    {
        1 when act * 10 < Acts.Length => Acts[act].Size * 20,
        2 => Acts[act].Size / (1 + 8 * act / Acts.Length),
        3 when Acts[act].Stack % 4 < 2 => 0,
        _ => Acts[act].Size,
    };

    private int StackOf(Act act)
    {
        int which = act.Stack % Math.Max(1, Stacks), known = KnownStack.OfBlocks.Count;
        return which < known ? KnownStack.OfBlocks[which].Number : which == known ? KnownStack.Beyond : KnownStack.None;
    }
}
