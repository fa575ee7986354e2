using AllocReplay.Formats.Stacks;

namespace AllocReplay.Tests.Support;

/// <summary>Random traces of some functions that call one another on three threads, for reports.</summary>
internal static class ReportSample
{
    public const int Threads = 3;

    private const int Functions = 12, Depth = 4, Ns = 10_000;

    /// <summary>Writes a recording.</summary>
    /// <param name="directory">Where it goes.</param>
    /// <param name="seed">Same seed, same trace.</param>
    /// <param name="blocks">Blocks, of which about a tenth are left.</param>
    /// <param name="stacks">Whether it has stacks.</param>
    /// <param name="name">What functions are called, by their number.</param>
    /// <param name="mark">Leaves marks.</param>
    public static void Write(
        string directory, int seed, int blocks = 400, bool stacks = true, Func<int, string>? name = null, Action<RecordingWriter>? mark = null)
    {
        name ??= i => $"f{i}";
        var random = new Random(seed);
        var writer = new RecordingWriter(directory)
        {
            Stacks = stacks,
            Modules = SampleStacks.Modules(),
            Symbols = SampleStacks.Of(
                [.. Enumerable.Range(0, Functions).Select(i => ((ulong)i, new FunctionLine[] { new(name(i), "", $"/src/{i}.c", i + 1) }))]),
        };
        int[] ends = stacks ? [.. Enumerable.Range(0, 20).Select(_ => Stack(writer, random)), 0] : [0];
        var acts = new List<(long Ns, Action Act)>();
        for (int i = 0; i < blocks; i++)
        {
            ulong address = 0x10_0000ul + (ulong)i * 0x1000;
            long from = random.Next(1, Ns), until = from + 1 + (random.Next(3) == 0 ? random.Next(Ns) : random.Next(40));
            int stack = ends[random.Next(ends.Length)], thread = random.Next(Threads), freeing = random.Next(4) == 0 ? random.Next(Threads) : thread;
            ulong size = (ulong)random.Next(random.Next(10) == 0 ? 100_000 : 300);
            acts.Add((from, () => writer.Thread(thread).Malloc(from * 8, address, size, stack)));
            if (until < Ns)
                acts.Add((until, () => writer.Thread(freeing).Free(until * 8, address)));
        }
        foreach ((_, Action act) in acts.OrderBy(a => a.Ns))
            act();
        for (int i = 0; i < 30; i++)
            writer.Memory(Ns / 5 + i * (long)Ns / 5 + random.Next(Ns / 5), (ulong)random.Next(1_000_000), 1, 0, (ulong)(1_000_000 + i));
        mark?.Invoke(writer);
        writer.Save();
    }

    private static int Stack(RecordingWriter writer, Random random)
    {
        int caller = random.Next(10) == 0 ? 1 : 0; // 1: it was cut there
        for (int depth = random.Next(1, Depth + 1); depth > 0; depth--)
            caller = writer.Frame((ulong)(0x1000 + random.Next(Functions) + 1), caller);
        return caller;
    }
}
