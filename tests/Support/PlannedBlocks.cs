using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Recording;
using AllocReplay.Formats.Stacks;

namespace AllocReplay.Tests.Support;

/// <summary>A block of <see cref="PlannedBlocks"/>.</summary>
/// <param name="Function">The function that acquires it.</param>
/// <param name="Size">Its bytes.</param>
/// <param name="AllocNs">When.</param>
/// <param name="EndNs">When it is freed; null for never.</param>
internal sealed record PlannedBlock(string Function, long Size, long AllocNs, long? EndNs);

/// <summary>Blocks of functions that main calls, at times that differ: a recording of them, and the same to count by hand.</summary>
internal sealed class PlannedBlocks
{
    /// <summary>What two events are apart at the least.</summary>
    public const int StepNs = 8000;

    private const ulong Module = 0x1000, MainOffset = 0x7000;

    public List<PlannedBlock> Blocks { get; } = [];

    /// <summary>The marks of the recording.</summary>
    public List<(long Ns, string Name)> Marks { get; } = [];

    /// <summary>Of how many blocks one was recorded, by what the recording says.</summary>
    public uint Sample { get; init; } = 1;

    public SampleScheme SampleScheme { get; init; }

    /// <summary>The source file of a function.</summary>
    public Func<string, string> FileOf { get; init; } = f => $"/src/{f}.c";

    /// <summary>Blocks at random: so many events, of so many functions.</summary>
    public static PlannedBlocks Random(Random random, int events, int functions)
    {
        var plan = new PlannedBlocks();
        var live = new List<int>();
        for (int step = 1; step <= events; step++)
        {
            long ns = (long)step * StepNs;
            if (live.Count > 0 && random.Next(5) < 2)
            {
                int i = random.Next(live.Count);
                plan.Blocks[live[i]] = plan.Blocks[live[i]] with { EndNs = ns };
                live.RemoveAt(i);
                continue;
            }
            live.Add(plan.Blocks.Count);
            plan.Blocks.Add(new PlannedBlock($"f{random.Next(functions)}", random.Next(1, 5000), ns, null));
        }
        return plan;
    }

    public PlannedBlocks Add(string function, long size, int step, int? until = null)
    {
        Blocks.Add(new PlannedBlock(function, size, (long)step * StepNs, until * (long)StepNs));
        return this;
    }

    public PlannedBlocks Mark(string name, int step)
    {
        Marks.Add(((long)step * StepNs, name));
        return this;
    }

    /// <summary>Writes the recording.</summary>
    public void Write(string directory, string executable = "/opt/shop", string image = RecordingWriter.ImageName)
    {
        string[] functions = [.. Blocks.Select(b => b.Function).Distinct().Order(StringComparer.Ordinal)];
        var writer = new RecordingWriter(directory, image)
        {
            Stacks = true,
            Sample = Sample,
            SampleScheme = SampleScheme,
            Executable = executable,
            Modules = $"{Module:x}-{Module + 0x8000:x} 0 a1b2 {executable}\n",
            Symbols = SampleStacks.Of([
                (MainOffset, [new FunctionLine("main", "", FileOf("main"), 1)]),
                .. functions.Select((f, i) => ((ulong)i, new FunctionLine[] { new(f, "", FileOf(f), i + 1) })),
            ]),
        };
        int main = writer.Frame(Module + MainOffset + 1);
        Dictionary<string, int> stacks = [];
        foreach ((int i, string function) in functions.Index())
            stacks.Add(function, writer.Frame(Module + (ulong)i + 1, main));
        IEnumerable<(long Ns, int Block, bool IsEnd)> events = Blocks.SelectMany((b, i) => b.EndNs is { } end
            ? new[] { (b.AllocNs, i, false), (end, i, true) }
            : [(b.AllocNs, i, false)]);
        foreach ((long ns, int block, bool isEnd) in events.OrderBy(e => e.Ns))
        {
            ulong address = 0x10_0000 + (ulong)block * 0x1_0000_0000;
            if (isEnd)
                writer.Thread(0).Event(ns, CallKind.Free, address);
            else
                writer.Thread(0).Malloc(ns, address, (ulong)Blocks[block].Size, stacks[Blocks[block].Function]);
        }
        foreach ((long ns, string name) in Marks.OrderBy(m => m.Ns))
            writer.Mark(MarkEntry.Named, 1, ns, name);
        writer.Save();
    }

    /// <summary>Writes the recording and analyzes it.</summary>
    public PlannedBlocks Analyze(string directory)
    {
        Write(directory + ".allocrec");
        SampleTrace.Analyze(directory + ".allocrec", directory);
        return this;
    }

    /// <summary>Bytes live at a moment.</summary>
    public long LiveAt(Func<long, bool> isAtOrBefore, string? function = null) =>
        Blocks.Where(b => function is null || b.Function == function)
            .Where(b => isAtOrBefore(b.AllocNs) && !(b.EndNs is { } end && isAtOrBefore(end))).Sum(b => b.Size);
}
