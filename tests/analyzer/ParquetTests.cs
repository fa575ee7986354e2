using AllocReplay.Analyzer.Parquet;
using AllocReplay.Analyzer.Passes;
using AllocReplay.Analyzer.Query;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Statistics;
using AllocReplay.Tests.Support;
using ParquetSharp;

namespace AllocReplay.Tests.Analyzer;

public sealed class ParquetTests : IDisposable
{
    private static readonly string[] Summed = ["size", "lifetime_ns", "address", "free_thread", "chain"];
    private static readonly FileFormat Plain = new(new Dictionary<string, string>());
    private static readonly string[] Types = ["Int64", "Double", "String", "Boolean"];

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Two_other_readers_agree_with_the_trace_on_rows_and_sums()
    {
        SampleTrace.Write(_directory["trace"]);
        AnalysisResult result = SampleTrace.Analyze(_directory["trace"], _directory["data"]);

        using TraceReader reader = TraceReader.Open(_directory["trace"]);
        Assert.Equal(TraceStatistics.Of(reader).Acquisitions, result.Tables[0].Rows);
        long[] expected = SumsOf(Rows.Of(_directory["trace"]));
        Assert.Equal(SampleTrace.Blocks, expected[0]);
        Assert.Equal(expected, SumsByDuckDb());
        Assert.Equal(expected, SumsByParquetSharp());
    }

    [Fact]
    public void Sizes_beyond_63_bits_and_tagged_addresses_are_the_same_in_every_reader()
    {
        const ulong Tagged = 0xb400_0000_0000_1000, Kernel = ulong.MaxValue - 0xfff, Size = 1UL << 63;
        var writer = new RecordingWriter(_directory["trace"]);
        writer.Thread(0).Malloc(800, Tagged, 100).Malloc(1600, Kernel, Size).Malloc(2400, 0x1000, long.MaxValue - 200UL).Free(3200, Tagged);
        writer.Save();
        SampleTrace.Analyze(_directory["trace"], _directory["data"]);
        (long, long)[] expected = [(unchecked((long)Tagged), 100), (unchecked((long)Kernel), long.MaxValue), (0x1000, long.MaxValue - 200)];

        using DatasetQuery query = DatasetQuery.Open(_directory["data"]);
        Assert.Equal(expected, query.Run("SELECT address, size FROM allocations ORDER BY object").ReadRows().Select(r => ((long)r[0]!, (long)r[1]!)));
        using var file = new ParquetFileReader(Part("allocations"));
        Assert.Equal(expected.Order(), Integers(file, "address").Zip(Integers(file, "size")).Order());
        // What info shows of the same trace, in a column of 63 bits.
        using TraceReader reader = TraceReader.Open(_directory["trace"]);
        TraceStatistics statistics = TraceStatistics.Of(reader);
        Assert.Equal(
            [(long)Math.Min(statistics.BytesAcquired, long.MaxValue), 1L, (long)Math.Min(statistics.Threads[0].BytesRequested, long.MaxValue)],
            query.Run("SELECT p.bytes_acquired, p.saturated_sizes, t.bytes_requested FROM process p, threads t").ReadRow()!);
    }

    [Theory, InlineData(true, 0, 2), InlineData(false, 2, 0)]
    public void What_a_forked_process_releases_for_its_parent_has_a_column_of_its_own(bool isForked, long unknown, long inherited)
    {
        var writer = new RecordingWriter(_directory["trace"]) { Forked = isForked };
        writer.Thread(0).Free(800, 0x9000).Free(1600, 0xa000).Malloc(2400, 0x1000, 8);
        writer.Save();
        SampleTrace.Analyze(_directory["trace"], _directory["data"]);

        using DatasetQuery query = DatasetQuery.Open(_directory["data"]);
        Assert.Equal([unknown, inherited], query.Run("SELECT unknown_releases, inherited_releases FROM process").ReadRow()!);
    }

    [Fact]
    public void The_readers_disagree_with_another_trace()
    {
        SampleTrace.Write(_directory["trace"], w => w.Thread(0).Malloc(30_000, 0x8000, 1));
        SampleTrace.Write(_directory["other"]);
        SampleTrace.Analyze(_directory["trace"], _directory["data"]);

        long[] other = SumsOf(Rows.Of(_directory["other"]));
        Assert.NotEqual(other, SumsByDuckDb());
        Assert.NotEqual(other, SumsByParquetSharp());
    }

    [Fact]
    public void Names_of_calls_and_ends_are_written_in_full()
    {
        SampleTrace.Write(_directory["trace"]);
        SampleTrace.Analyze(_directory["trace"], _directory["data"]);
        List<AllocationRow> rows = Rows.Of(_directory["trace"]);

        using var file = new ParquetFileReader(Part("allocations"));
        Assert.Equal(rows.Select(r => EndKinds.Names[(int)r.EndKind]).Order(), Strings(file, "end_kind").Order());
        Assert.Equal(rows.Select(r => CallKinds.CallName(r.Kind)).Order(), Strings(file, "kind").Order());
    }

    [Fact]
    public void Columns_have_the_types_that_every_engine_reads_alike_and_are_never_null()
    {
        SampleTrace.Write(_directory["trace"]);
        SampleTrace.Analyze(_directory["trace"], _directory["data"]);

        Assert.Equal(
            [
                "object Int64", "address Int64", "size Int64", "kind String", "alignment Int64", "alloc_ns Int64", "end_ns Int64",
                "end_kind String", "lifetime_ns Int64", "lifetime_bytes Int64", "lifetime_allocations Int64", "alloc_thread Int32",
                "free_thread Int32", "chain Int64", "chain_position Int32", "alloc_call_ns Int64", "free_call_ns Int64", "alloc_stack Int32",
                "free_stack Int32", "site Int64", "is_temporary Boolean", "carried Boolean", "uncertain Boolean", "weight Double",
            ],
            Schema("allocations"));
        Assert.Equal(
            [
                "thread Int32", "os_tid Int64", "name String", "parent Int32", "start_ns Int64", "end_ns Int64", "exited Boolean",
                "calls Int64", "bytes_requested Int64",
            ],
            Schema("threads"));
        Assert.Equal(["stack Int32", "depth Int32", "is_whole Boolean", "site Int64", "function String", "file String",
            "line Int32", "text String"], Schema("stacks"));
        Assert.Equal(["stack Int32", "position Int32", "frame Int32", "is_inlined Boolean"], Schema("stack_frames"));
        Assert.Equal(
            [
                "frame Int32", "address Int64", "module Int32", "module_offset Int64", "function String", "linkage_name String", "file String",
                "line Int32", "has_symbol Boolean",
            ],
            Schema("frames"));
        Assert.Equal(
            ["module Int32", "path String", "build_id String", "from_address Int64", "to_address Int64", "generation Int64"], Schema("modules"));
        Assert.Equal(
            [
                "site Int64", "function String", "file String", "line Int32", "text String", "stacks Int32", "blocks Int64", "bytes Int64",
                "live_blocks Int64", "live_bytes Int64", "peak_live_bytes Int64", "temporary_blocks Int64", "cross_thread_frees Int64", "first_ns Int64",
                "last_ns Int64", "carried_blocks Int64", "carried_bytes Int64", "uncertain_blocks Int64", "uncertain_bytes Int64",
                "estimated_blocks Double", "estimated_blocks_error Double", "estimated_bytes Double", "estimated_bytes_error Double",
                "estimated_live_blocks Double", "estimated_live_blocks_error Double", "estimated_live_bytes Double", "estimated_live_bytes_error Double",
            ],
            Schema("sites"));
        Assert.All(Schema("process"), c => Assert.Contains(c.Split(' ')[1], Types));
    }

    [Fact]
    public async Task Delta_encoding_holds_at_the_ends_of_the_range()
    {
        long[] values = [0, long.MaxValue, 0, -1, long.MinValue, long.MaxValue, 1, .. Enumerable.Range(0, 500).Select(i => i % 3 == 0 ? long.MaxValue - i : i)];
        var column = new Int64Column("value", values.Length);
        values.CopyTo(column.Values, 0);
        await TableFile.WriteTableAsync(
            _directory["x.parquet"], [column], values.Length, Plain, TestContext.Current.CancellationToken);

        using var file = new ParquetFileReader(_directory["x.parquet"]);
        Assert.Equal(values, Integers(file, "value"));
    }

    [Fact]
    public async Task A_table_larger_than_a_row_group_is_spread_over_files_the_same_way_each_time()
    {
        const int Rows = 1000;
        foreach (string run in new[] { "a", "b" })
        {
            Directory.CreateDirectory(_directory[run]);
            using var writer = new TableWriter<AllocationRow>(
                DatasetTables.Allocations, _directory[run], Plain, TestContext.Current.CancellationToken, groupRows: 7);
            for (int i = 0; i < Rows; i++)
                writer.Add(Row(i));
            await writer.CompleteAsync();
            Assert.Equal(Rows, writer.Rows);
        }

        string[] parts = Directory.GetFiles(_directory["a"]).Order().ToArray();
        Assert.Equal(["part-00000.parquet", "part-00001.parquet", "part-00002.parquet", "part-00003.parquet", "part-00004.parquet"],
            parts.Take(5).Select(Path.GetFileName));
        var objects = new List<long>();
        foreach (string part in parts)
        {
            Assert.Equal(await Bytes(part), await Bytes(Path.Combine(_directory["b"], Path.GetFileName(part))));
            using var file = new ParquetFileReader(part);
            objects.AddRange(Integers(file, "object"));
        }
        Assert.Equal(Enumerable.Range(0, Rows).Select(i => (long)i), objects.Order());
    }

    [Fact]
    public async Task A_failing_writer_ends_the_analysis_with_its_cause()
    {
        using var writer = new TableWriter<AllocationRow>(
            DatasetTables.Allocations, _directory["does/not/exist"], Plain, TestContext.Current.CancellationToken, groupRows: 1);
        Assert.ThrowsAny<OperationCanceledException>(() =>
        {
            for (int i = 0; i < 100; i++)
                writer.Add(Row(i));
        });
        await Assert.ThrowsAsync<DirectoryNotFoundException>(writer.AbortAsync);
    }

    [Fact]
    public void An_empty_trace_gives_tables_without_rows()
    {
        var recording = new RecordingWriter(_directory["trace"]);
        recording.Thread(0).Event(0, CallKind.ThreadStart);
        recording.Save();
        SampleTrace.Analyze(_directory["trace"], _directory["data"]);

        using DatasetQuery query = DatasetQuery.Open(_directory["data"]);
        Assert.Equal([0L, 1L], query.Run("SELECT (SELECT count(*) FROM allocations), (SELECT count(*) FROM threads)").ReadRow()!);
        Assert.Empty(query.RunView("size_histogram").ReadRows());
    }

    private static long[] SumsOf(List<AllocationRow> rows) =>
    [
        rows.Count, rows.Sum(r => r.Size), rows.Sum(r => r.LifetimeNs), rows.Sum(r => r.Address), rows.Sum(r => r.FreeThread), rows.Sum(r => r.Chain),
    ];

    private IEnumerable<long> SumsByDuckDb()
    {
        using DatasetQuery query = DatasetQuery.Open(_directory["data"]);
        using QueryResult result = query.Run($"SELECT count(*), {string.Join(", ", Summed.Select(c => $"sum({c})::BIGINT"))} FROM allocations");
        return result.ReadRow()!.Cast<long>();
    }

    private long[] SumsByParquetSharp()
    {
        using var file = new ParquetFileReader(Part("allocations"));
        return [file.FileMetaData.NumRows, .. Summed.Select(c => Integers(file, c).Sum())];
    }

    private static Task<byte[]> Bytes(string path) => File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);

    private static AllocationRow Row(int i) => new()
    {
        Object = i,
        Address = i * 16,
        Size = i,
        Kind = CallKind.Malloc,
        Alignment = 0,
        AllocNs = i,
        EndNs = i + 1,
        EndKind = EndKind.Freed,
        LifetimeNs = 1,
        LifetimeBytes = 0,
        LifetimeAllocations = 0,
        AllocThread = 0,
        FreeThread = 0,
        Chain = i,
        ChainPosition = 0,
        AllocCallNs = AllocationRow.NotRecorded,
        FreeCallNs = AllocationRow.NotRecorded,
    };

    private string Part(string table) =>
        Assert.Single(Directory.GetFiles(Path.Combine(_directory["data"], table, "host=unknown", "process=p100.0")));

    private List<string> Schema(string table)
    {
        using var file = new ParquetFileReader(Part(table));
        return Enumerable.Range(0, file.FileMetaData.NumColumns).Select(i =>
        {
            ColumnDescriptor column = file.FileMetaData.Schema.Column(i);
            Assert.Equal(0, column.MaxDefinitionLevel); // required
            Assert.Equal(0, column.MaxRepetitionLevel);
            string type = column.LogicalType.Type == LogicalTypeEnum.String ? "String" : column.PhysicalType.ToString();
            if (column.LogicalType is IntLogicalType integer)
                Assert.True(integer.IsSigned);
            return $"{column.Name} {type}";
        }).ToList();
    }

    private static List<long> Integers(ParquetFileReader file, string column) =>
        Read(file, column, (group, i) => group.MetaData.Schema.Column(i).PhysicalType == PhysicalType.Int32
            ? group.Column(i).LogicalReader<int>().ReadAll((int)group.MetaData.NumRows).Select(v => (long)v)
            : group.Column(i).LogicalReader<long>().ReadAll((int)group.MetaData.NumRows));

    private static List<string> Strings(ParquetFileReader file, string column) =>
        Read(file, column, (group, i) => group.Column(i).LogicalReader<string>().ReadAll((int)group.MetaData.NumRows));

    private static List<T> Read<T>(ParquetFileReader file, string column, Func<RowGroupReader, int, IEnumerable<T>> read)
    {
        int index = Enumerable.Range(0, file.FileMetaData.NumColumns).Single(i => file.FileMetaData.Schema.Column(i).Name == column);
        var values = new List<T>();
        for (int g = 0; g < file.FileMetaData.NumRowGroups; g++)
        {
            using RowGroupReader group = file.RowGroup(g);
            values.AddRange(read(group, index));
        }
        return values;
    }
}
