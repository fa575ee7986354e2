using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Packed;
using AllocReplay.Formats.Recording;
using AllocReplay.Formats.Stacks;
using AllocReplay.Tests.Support;

namespace AllocReplay.Fuzz;

/// <summary>Small valid traces of both forms, to be mutated.</summary>
internal static class Seeds
{
    private const int StackFrames = 12;

    public static List<FuzzInput> Make(ulong seed, int traces)
    {
        var random = new Rng(seed);
        var seeds = new List<FuzzInput>();
        for (int i = 0; i < traces; i++)
        {
            Dictionary<string, byte[]> files = Recording(random).Files();
            var directory = new FuzzInput(isPack: false);
            for (int f = 0; f < directory.Files.Length; f++)
                if (files.TryGetValue(FuzzInput.DirectoryFiles[f], out byte[]? bytes))
                    directory.Files[f].Set(bytes);
            seeds.Add(directory);
            seeds.Add(Packed(directory, random.OneIn(2) ? 8 : null));
        }
        return seeds;
    }

    private static FuzzInput Packed(FuzzInput directory, int? blockEvents)
    {
        var pack = new FuzzInput(isPack: true);
        using var file = new MemoryStream();
        using TraceReader reader = TraceReader.OpenImage(directory.Folder);
        TracePacker.PackImage(reader, file, blockEvents: blockEvents);
        pack.Files[0].Set(file.ToArray());
        return pack;
    }

    private static SymbolTable Symbols { get; } = new(Enumerable.Range(0, 200).ToDictionary(
        n => new CodeLocation(0, (ulong)n * 40), n => (IReadOnlyList<FunctionLine>)[new FunctionLine($"f{n}", n % 2 == 0 ? "" : $"_Z2f{n}v", "f.cc", n)]));

    private static RecordingWriter Recording(Rng random)
    {
        bool hasStacks = random.OneIn(3);
        var writer = new RecordingWriter
        {
            Latency = random.OneIn(3),
            Stacks = hasStacks,
            FreeStacks = hasStacks && random.OneIn(2),
            Modules = hasStacks ? "400000-402000 0 c0ffee /bin/test\n500000-501000 1  /lib/libc.so.6\n" : null,
            Symbols = hasStacks && random.OneIn(2) ? Symbols : null,
            CommandLine = random.OneIn(3) ? "program\0argument\0" : null,
            Maps = random.OneIn(6) ? "400000-401000 r-xp 00000000 00:00 0 /bin/test\n" : null,
        };
        for (int i = 0; hasStacks && i < StackFrames; i++)
            writer.Frame(0x400000 + (ulong)random.Below(0x102000), random.Below(2 + i), FrameRecord.Present);
        CallKind[] kinds = Enum.GetValues<CallKind>();
        int threads = 1 + random.Below(3), events = 1 + random.Below(random.OneIn(8) ? 300 : 40);
        bool marks = random.OneIn(4), any = random.OneIn(2);
        ulong ticks = RecordingWriter.StartTicks >> RecordingWriter.TickShift;
        for (int i = 0; i < events; i++)
        {
            ticks += random.OneIn(30) ? random.Next() >> (8 + random.Below(50)) : (ulong)random.Below(80);
            ulong address = 0x7f0000000000 + 64 * (ulong)random.Below(any ? 100 : 6);
            CallKind kind = any ? kinds[random.Below(kinds.Length)] : (CallKind)random.Below(3);
            RecordingWriter.ThreadWriter thread = writer.Thread(random.Below(threads));
            thread.Event(new RawEvent
            {
                Ticks = ticks,
                Kind = kind,
                IsNull = random.OneIn(16),
                Address = random.OneIn(16) ? random.Next() : address,
                Size = random.OneIn(10) ? random.Next() : (ulong)random.Below(100),
                Count = (ulong)random.Below(4),
                Alignment = 1ul << random.Below(12),
                OtherThread = random.Below(threads + 1) - 1,
                Duration = (ulong)random.Below(1000),
                Stack = random.Below(StackFrames + 4),
            });
            if (random.OneIn(25))
                thread.Flush();
            if (marks && random.OneIn(20))
                thread.Interval((uint)(2 + i / 20));
        }
        if (marks)
            writer.Mark(MarkEntry.Start, 1, 0).Mark(MarkEntry.Named, 1, 100, "half").Mark(MarkEntry.Stop, 1, 1000).Mark(MarkEntry.Start, 2, 2000);
        for (int n = random.OneIn(3) ? random.Below(20) : 0; n > 0; n--)
            writer.Memory(random.Below(2000), random.Next(), random.Next(), random.Next(), random.Next());
        return writer;
    }
}
