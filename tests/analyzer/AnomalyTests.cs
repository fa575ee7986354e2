using AllocReplay.Analyzer.Parquet;
using AllocReplay.Analyzer.Passes;
using AllocReplay.Analyzer.Query;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Analyzer;

/// <summary>The tables <c>anomalies</c> and <c>events</c>.</summary>
public sealed class AnomalyTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Each_kind_is_told_once_with_its_call_and_block()
    {
        var writer = new RecordingWriter(_directory["r.allocrec"]);
        writer.Thread(0)
            .Event(800, CallKind.New, 0x1000, 10)                    // object 0
            .Event(1600, CallKind.NewArray, 0x2000, 20)              // object 1
            .Malloc(2400, 0x3000, 30)                                // object 2
            .Event(3200, CallKind.Delete, 0x2000)                    // of new[]
            .Free(4000, 0x1000)                                      // of new
            .Event(4800, CallKind.FreeSized, 0x3000, 31)             // 30 were requested
            .Malloc(5600, 0, 77)                                     // failed
            .Malloc(6400, 0x4000, ulong.MaxValue)                    // object 3
            .Free(7200, 0x4000)
            .Event(8000, CallKind.Gap, count: 12)
            .Malloc(8800, 0x5000, 50)                                // object 4
            .Event(9600, CallKind.Malloc, 0x5000, 60)                // object 5, on the address of 4
            .Event(2_000_000, CallKind.DeleteSized, 0x5000, 60)
            .Free(2_100_000, 0x6000);                                // not known
        writer.Save();
        Analyze("r.allocrec", "d");

        Assert.Equal(
        [
            ["mismatched_release", 3200L, "delete", 1L, "new[]", 20L, 1L],
            ["mismatched_release", 4000L, "free", 0L, "new", 10L, 1L],
            ["wrong_size", 4800L, "free_sized", 2L, "malloc", 30L, 1L],
            ["failed_call", 5600L, "malloc", -1L, "", 0L, 1L],
            ["saturated_size", 6400L, "malloc", 3L, "", 0L, 1L],
            ["gap", 8000L, "", -1L, "", 0L, 12L],
            ["lost_free", 9600L, "malloc", 4L, "malloc", 50L, 1L],
            ["mismatched_release", 2_000_000L, "delete(size)", 5L, "malloc", 60L, 1L],
            ["unknown_release", 2_100_000L, "free", -1L, "", 0L, 1L],
        ],
        Rows("d", "SELECT anomaly, ns, call, object, acquired_by, acquired_size, calls FROM anomalies ORDER BY ns"));
        // As the table of processes counts them.
        Assert.Equal([[1L, 1L, 1L, 0L]], Rows("d", "SELECT unknown_releases, implicit_releases, saturated_sizes, inherited_releases FROM process"));
    }

    [Fact]
    public void What_a_fork_releases_of_its_parent_is_told_apart()
    {
        var writer = new RecordingWriter(_directory["r.allocrec"]) { Forked = true };
        writer.Thread(0).Free(800, 0x1000).Realloc(1600, 2400, 0x2000, 0x3000, 5);
        writer.Save();
        Analyze("r.allocrec", "d");

        Assert.Equal([["inherited_release", "free"], ["inherited_release", "realloc"]], Rows("d", "SELECT anomaly, call FROM anomalies ORDER BY ns"));
        Assert.Equal([[0L, 2L]], Rows("d", "SELECT unknown_releases, inherited_releases FROM process"));
    }

    [Fact]
    public void Events_are_those_of_the_trace_in_its_order_and_only_on_request()
    {
        SampleTrace.Write(_directory["r.allocrec"]);
        Analyze("r.allocrec", "without");
        Assert.Equal([[0L]], Rows("without", "SELECT count(*) FROM events"));

        Analyze("r.allocrec", "d", events: true);
        var expected = new List<object?[]>();
        using (TraceReader reader = TraceReader.Open(_directory["r.allocrec"]))
            while (reader.Read(out TraceEvent e))
                expected.Add([
                    (long)expected.Count, e.TimeNs, e.Thread, CallKinds.Name(e.Kind), e.Object, e.PreviousObject, e.DisplacedObject,
                    (long)e.Address, (long)e.Size, (long)e.Count, (long)e.Alignment, -1L, e.OtherThread, e.Stack, (int)e.Interval, e.IsCarried,
                ]);
        Assert.Equal(expected, Rows("d", "SELECT * EXCLUDE (host, process) FROM events ORDER BY event"));
        Assert.Equal([[(long)expected.Count]], Rows("d", "SELECT events FROM process"));

        // Made again without them, they are gone.
        Analyze("r.allocrec", "d", force: true);
        Assert.Equal([[0L]], Rows("d", "SELECT count(*) FROM events"));
    }

    [Theory]
    [InlineData(DatasetCompression.Zstd, 1)]
    [InlineData(DatasetCompression.Snappy, 2)]
    [InlineData(DatasetCompression.Gzip, 1)]
    [InlineData(DatasetCompression.None, 4)]
    public void However_it_is_compressed_it_reads_the_same(DatasetCompression compression, int threads)
    {
        SampleTrace.Write(_directory["r.allocrec"]);
        Analyze("r.allocrec", "plain");
        Analyze("r.allocrec", "d", compression: compression, threads: threads);
        const string all = "SELECT * FROM allocations ORDER BY object";
        Assert.Equal(Rows("plain", all), Rows("d", all));
        string codec = compression == DatasetCompression.None ? "UNCOMPRESSED" : compression.ToString().ToUpperInvariant();
        string file = Directory.GetFiles(_directory["d/allocations"], "*.parquet", SearchOption.AllDirectories).Single();
        using var parquet = new ParquetSharp.ParquetFileReader(file);
        using ParquetSharp.RowGroupReader group = parquet.RowGroup(0);
        Assert.Equal(codec, group.MetaData.GetColumnChunkMetaData(0).Compression.ToString().ToUpperInvariant());
    }

    private void Analyze(
        string recording, string dataset, bool events = false, bool force = false, DatasetCompression compression = DatasetCompression.Zstd, int threads = 2)
    {
        using TraceReader reader = TraceReader.Open(_directory[recording]);
        var options = new AnalysisOptions
        {
            Directory = _directory[dataset],
            Events = events,
            Force = force,
            Compression = compression,
            WriterThreads = threads,
        };
        Analysis.RunAsync(reader, options).GetAwaiter().GetResult();
    }

    private List<object?[]> Rows(string dataset, string sql)
    {
        using DatasetQuery query = DatasetQuery.Open(_directory[dataset]);
        return [.. query.Run(sql).ReadRows()];
    }
}
