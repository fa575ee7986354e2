using AllocReplay.Analyzer.Fleet;
using AllocReplay.Analyzer.Passes;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Recording;
using AllocReplay.Formats.Stacks;

namespace AllocReplay.Tests.Support;

/// <summary>
/// A dataset that engines may differ on, as <c>analyze</c> lays it out and compacted: a real program, and traces made by hand with names, sizes, addresses
/// and times that are hard to take. Made once a run.
/// </summary>
internal static class EngineDatasets
{
    private const int Seed = 20261127;

    /// <summary>Host names: one that is to be encoded, one that looks like a number, one that engines take for no value, one like any other.</summary>
    private static readonly string[] Hosts = ["web/1 é 'x'=\"%41+1\"", "007", "NULL", "db-1"];

    /// <summary>Names of functions.</summary>
    private static readonly string[] Functions =
    [
        "quotes' \"and\" `more`", "back\\slash \\N \\' \\u0041", "two\nlines\tand a tab", "é 漢字 😀 \u202e", "/*:t*/-1 -- ; DROP", "", "NULL", "nul\0inside",
        "<b>&amp;</b>,|{}",
    ];

    private static readonly TemporaryDirectory Directory = new();
    private static readonly Lazy<bool> Made = new(Make);

    static EngineDatasets() => AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Dispose();

    /// <summary>A directory for each process image.</summary>
    public static string Partitioned => Made.Value ? Directory["fleet"] : "";

    /// <summary>The same, a file for each table.</summary>
    public static string Compacted => Made.Value ? Directory["compacted"] : "";

    private static bool Make()
    {
        string shop = Directory["shop"], recorded = Directory["shop.allocrec"];
        Expect(Programs.Run("cc", ["-O1", "-g", "-o", shop, Path.Combine(RecordedShop.Notebooks, "shop.c")]));
        Expect(Programs.AllocReplay("record", "--stacks", "auto", "-o", recorded, "--", shop, "1", "8000"));
        Add(recorded, 0);
        Add(Hard(Directory["hard.allocrec"]), 1);
        TraceGenerator.Write(Directory["random.allocrec"], Seed, threads: 3, calls: 3000, latency: true, image: "p300.0");
        Add(Directory["random.allocrec"], 2);
        Add(Long(Directory["long.allocrec"]), 3);
        Compaction.Run([Directory["fleet"]], Directory["compacted"]);
        return true;
    }

    private static void Add(string recording, int host)
    {
        new SessionInfo { Host = Hosts[host] }.Save(recording);
        using TraceReader reader = TraceReader.Open(recording);
        Analysis.RunAsync(reader, new AnalysisOptions { Directory = Directory["fleet"], Force = true, Events = true }).GetAwaiter().GetResult();
    }

    /// <summary>Sizes whose sums leave 64 bits, addresses with tags, functions with any name, and the marks of a recording.</summary>
    private static string Hard(string directory)
    {
        var writer = new RecordingWriter(directory, "p200.0")
        {
            Stacks = true,
            FreeStacks = true,
            Latency = true,
            Modules = SampleStacks.Modules(),
            Symbols = SampleStacks.Of([.. Functions.Select((f, i) => ((ulong)i, new FunctionLine[] { new(f, f + "()", $"/src/{f}.c", i) }))]),
        };
        int[] stacks = [.. Functions.Select((_, i) => writer.Frame((ulong)(0x1000 + i + 1)))];
        RecordingWriter.ThreadWriter thread = writer.Thread(0), other = writer.Thread(1);
        ulong address = 0xb400_0000_0000_1000; // a tag in the highest byte, and the sign of the signed number
        long ns = 0;
        var kept = new Queue<ulong>();
        for (int round = 0; round < 100; round++)
        {
            for (int i = 0; i < stacks.Length; i++)
            {
                ulong size = i switch { 0 => ulong.MaxValue - (ulong)round, 1 => long.MaxValue, 2 => 1UL << 62, _ => (ulong)(round * i) };
                thread.Event(ns += 8000, CallKind.Malloc, address += 0x10_0000, size, duration: 1, stack: stacks[i]);
                if (i % 3 == 1)
                    (i % 2 == 0 ? thread : other).Event(ns += 800, CallKind.Free, address, stack: stacks[0]);
            }
            // Of the last function, whose blocks grow old, every third is given back after all.
            kept.Enqueue(address);
            if (round % 3 == 0 && kept.Count > 20)
                thread.Free(ns += 800, kept.ElementAt(kept.Count - 20));
            thread.Malloc(ns += 800, address += 0x10_0000, 500, stacks[4]);
            thread.Realloc(ns += 800, ns += 800, address, address += 0x10_0000, (ulong)(1000 + round), stacks[3]);
        }
        writer.Mark(MarkEntry.Start, 1, 0).Mark(MarkEntry.Named, 1, 1000, "it's é").Mark(MarkEntry.Named, 1, ns / 2, "half").Mark(MarkEntry.Stop, 1, ns);
        thread.Event(ns, CallKind.Mmap, 0xb400_7000_0000_1000, 1 << 16, stack: stacks[0]).Event(ns, CallKind.Munmap, 0xb400_7000_0000_3000, 1 << 12)
            .Event(ns, CallKind.Mmap, 0x1000, ulong.MaxValue, stack: stacks[1]).Event(ns, CallKind.Brk, 0x1001, 7);
        writer.Memory(0, 1 << 20, 1 << 19, 7, 1 << 21).Memory(ns / 3, long.MaxValue, 1 << 19, long.MaxValue, ulong.MaxValue).Memory(ns, 0);
        writer.Save();
        return directory;
    }

    /// <summary>Blocks that live so long that the sum of their lifetimes leaves 64 bits, as those of many do that live for hours.</summary>
    private static string Long(string directory)
    {
        const long Century = 100L * 365 * 24 * 3600 * 1_000_000_000;
        var writer = new RecordingWriter(directory, "p400.0");
        for (ulong block = 1; block <= 4; block++)
            writer.Thread(0).Malloc((long)block * 80, block << 20, block);
        for (ulong block = 1; block <= 4; block++)
            writer.Thread(1).Free(Century + (long)block * 80, block << 20);
        writer.Save();
        return directory;
    }

    private static void Expect(ProgramResult result) => Assert.True(result.ExitCode == 0, result.Output + result.Error);
}
