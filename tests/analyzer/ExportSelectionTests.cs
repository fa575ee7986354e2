using System.Runtime.CompilerServices;
using System.Text;
using AllocReplay.Analyzer.Export;
using AllocReplay.Formats;
using AllocReplay.Formats.Recording;
using AllocReplay.Formats.Stacks;
using AllocReplay.Formats.Statistics;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Analyzer;

/// <summary>Which blocks an export tells of, and by which stacks, against a trace that was reckoned by hand.</summary>
public sealed class ExportSelectionTests : IDisposable
{
    private const string Left = "main;left();inner", Right = "main;right", Cut = "[truncated];libx.so.1+0x400", Unknown = "[unknown]";

    private readonly TemporaryDirectory _directory = new();

    public ExportSelectionTests() => StackSample.Write(_directory.Path);

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(SelectedBlocks.Allocated, $"{Left} 200\n{Right} 110\n{Unknown} 7\n{Cut} 3\n", $"{Left} 2\n{Right} 2\n{Unknown} 1\n{Cut} 1\n")]
    [InlineData(SelectedBlocks.Outstanding, $"{Right} 60\n{Cut} 3\n", $"{Right} 1\n{Cut} 1\n")]
    [InlineData(SelectedBlocks.Live, $"{Left} 100\n{Right} 50\n", $"{Left} 1\n{Right} 1\n")] // at the first of two peaks
    [InlineData(SelectedBlocks.Temporary, $"{Left} 100\n", $"{Left} 1\n")] // not the one that another thread freed
    public void Each_selection_has_its_blocks(SelectedBlocks blocks, string bytes, string counts)
    {
        StackProfile profile = Read(new BlockSelection(blocks));

        Assert.Equal(bytes, Collapsed(profile, WeightUnit.Bytes));
        Assert.Equal(counts, Collapsed(profile, WeightUnit.Blocks));
        Assert.Equal((SumOf(counts), (ulong)SumOf(bytes)), (profile.Blocks, profile.Bytes));
        Assert.Equal(blocks == SelectedBlocks.Live ? 2_000_000L : null, profile.AtNs);
    }

    [Theory]
    [InlineData(0, "")]
    [InlineData(999_992, "")]
    [InlineData(1_000_000, $"{Left} 100\n")] // what is acquired just then is live
    [InlineData(2_999_992, $"{Left} 100\n{Right} 50\n")]
    [InlineData(3_000_000, $"{Right} 50\n")] // what is released just then is not
    [InlineData(4_000_000, $"{Left} 100\n{Right} 50\n")] // the second peak
    [InlineData(6_000_000, $"{Right} 50\n{Unknown} 7\n")]
    [InlineData(8_000_000, $"{Right} 60\n")]
    [InlineData(long.MaxValue, $"{Right} 60\n{Cut} 3\n")]
    public void What_is_live_at_a_moment(long ns, string bytes) =>
        Assert.Equal(bytes, Collapsed(Read(new BlockSelection(SelectedBlocks.Live, ns)), WeightUnit.Bytes));

    [Fact]
    public void A_part_of_a_trace_has_the_blocks_that_were_acquired_in_it()
    {
        var late = new TraceRange { FromMark = "late" };
        Assert.Equal($"{Left} 100\n{Right} 60\n{Unknown} 7\n{Cut} 3\n", Collapsed(Read(new BlockSelection(SelectedBlocks.Allocated), late), WeightUnit.Bytes));
        Assert.Equal($"{Right} 60\n{Cut} 3\n", Collapsed(Read(new BlockSelection(SelectedBlocks.Outstanding), late), WeightUnit.Bytes));
        Assert.Equal($"{Left} 100\n", Collapsed(Read(new BlockSelection(SelectedBlocks.Live), late), WeightUnit.Bytes));
    }

    [Fact]
    public void Symbols_may_come_from_elsewhere()
    {
        using TraceReader reader = TraceReader.Open(_directory.Path);
        StackProfile profile = StackProfile.Read(reader, new BlockSelection(SelectedBlocks.Temporary), SymbolTable.Empty);
        Assert.Equal("test+0x100;test+0x200 100\n", Collapsed(profile, WeightUnit.Bytes));
    }

    /// <summary>The same blocks and bytes as the statistics that <c>info</c> prints, of random traces on several threads.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Totals_are_those_of_the_statistics(int seed)
    {
        TraceGenerator.Write(_directory["random.allocrec"], seed, threads: 4, calls: 3000);
        using TraceReader reader = TraceReader.Open(_directory["random.allocrec"]);
        var statistics = new TraceStatistics();
        StackFigures[] figures = [.. Enum.GetValues<SelectedBlocks>().Select(b => new StackFigures(new BlockSelection(b)))];
        reader.ForEach([statistics, .. figures]);

        (long, ulong) Of(SelectedBlocks blocks) => (figures[(int)blocks].Weights().Sum(w => w.Blocks),
            figures[(int)blocks].Weights().Aggregate(0UL, (sum, w) => sum + w.Bytes));
        Assert.Equal((statistics.Acquisitions, statistics.BytesAcquired), Of(SelectedBlocks.Allocated));
        Assert.Equal((statistics.LiveBlocks, statistics.LiveBytes), Of(SelectedBlocks.Outstanding));
        Assert.Equal((statistics.PeakLiveNs, statistics.PeakLiveBytes), (figures[(int)SelectedBlocks.Live].AtNs, Of(SelectedBlocks.Live).Item2));
        Assert.Equal(statistics.TemporaryBlocks, Of(SelectedBlocks.Temporary).Item1);
        Assert.True(statistics.TemporaryBlocks > 10 && statistics.LiveBlocks > 10);
    }

    [Fact]
    public void A_trace_without_stacks_and_a_damaged_one_are_refused()
    {
        SampleTrace.Write(_directory["plain.allocrec"]);
        using TraceReader plain = TraceReader.Open(_directory["plain.allocrec"]);
        Assert.Throws<StacksNotRecordedException>(() => StackProfile.Read(plain, new BlockSelection(SelectedBlocks.Allocated)));
        Assert.Throws<StacksNotRecordedException>(() => HeaptrackWriter.Write(plain, Stream.Null));

        string tails = Path.Combine(_directory[RecordingWriter.ImageName], "tails");
        byte[] bytes = File.ReadAllBytes(tails);
        int payload = bytes.Length / 2 + Unsafe.SizeOf<ChunkHeader>(); // of the second thread's chunk
        bytes.AsSpan(payload, 8).Fill(0xff);
        File.WriteAllBytes(tails, bytes);
        Assert.Throws<TraceDamagedException>(() => Read(new BlockSelection(SelectedBlocks.Allocated)));
        using TraceReader damaged = TraceReader.Open(_directory.Path);
        Assert.InRange(StackProfile.Read(damaged, new BlockSelection(SelectedBlocks.Allocated), partial: true).Blocks, 1, 5);
    }

    private StackProfile Read(BlockSelection selection, TraceRange? range = null)
    {
        using TraceReader reader = TraceReader.Open(_directory.Path, RecordingWriter.ImageName, range);
        return StackProfile.Read(reader, selection, reader.Symbols);
    }

    private static string Collapsed(StackProfile profile, WeightUnit unit)
    {
        using var output = new MemoryStream();
        CollapsedWriter.Write(profile, unit, output);
        return Encoding.UTF8.GetString(output.ToArray());
    }

    private static long SumOf(string collapsed) =>
        collapsed.Split('\n', StringSplitOptions.RemoveEmptyEntries).Sum(l => long.Parse(l[(l.LastIndexOf(' ') + 1)..], null));
}
