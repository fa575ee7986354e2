using AllocReplay.Analyzer;
using AllocReplay.Analyzer.Parquet;
using AllocReplay.Analyzer.Passes;
using AllocReplay.Analyzer.Query;
using AllocReplay.Formats;
using AllocReplay.Formats.Statistics;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Analyzer;

public sealed class DatasetTests : IDisposable
{
    private static readonly string[] Tables =
    [
        "allocations", "anomalies", "frames", "intervals", "markers", "memory", "modules", "process", "regions", "sites",
        "stack_frames", "stacks", "threads", "timeline",
    ];

    private readonly TemporaryDirectory _directory = new();

    public DatasetTests() => SampleTrace.Write(_directory["trace"]);

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void The_dataset_lays_each_table_out_by_host_and_process_and_nothing_else()
    {
        new SessionInfo { Host = "web/1 é" }.Save(_directory["trace"]);
        AnalysisResult result = SampleTrace.Analyze(_directory["trace"], _directory["data"]);

        Assert.Equal(Tables.Select(t => $"{t}/host=web%2F1%20%C3%A9/process=p100.0/part-00000.parquet"), Files(_directory["data"]));
        Assert.Equal("web/1 é", result.Host);
        using DatasetQuery query = DatasetQuery.Open(_directory["data"]);
        Assert.Equal(["web/1 é", "p100.0"], query.Run("SELECT DISTINCT host, process FROM allocations").ReadRow()!);
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("../../etc", "..%2F..%2Fetc")]
    [InlineData("a-b_c.D9", "a-b_c.D9")]
    [InlineData("%", "%25")]
    [InlineData("a=b\0'", "a%3Db%00%27")]
    [InlineData("NULL", "%4EULL")]
    [InlineData("null", "%6Eull")]
    [InlineData("__HIVE_DEFAULT_PARTITION__", "%5F_HIVE_DEFAULT_PARTITION__")]
    public void A_partition_value_stays_one_path_component(string value, string escaped) =>
        Assert.Equal(escaped, Partition.Escape(value));

    [Theory]
    [InlineData("NULL")]
    [InlineData("null")]
    [InlineData("__HIVE_DEFAULT_PARTITION__")]
    [InlineData("100 % é/ü = 'x'")]
    [InlineData("01")]
    [InlineData("true")]
    [InlineData("2024-01-01")]
    public void A_host_of_any_name_comes_back_as_it_was(string host)
    {
        new SessionInfo { Host = host }.Save(_directory["trace"]);
        Assert.Equal(host, SampleTrace.Analyze(_directory["trace"], _directory["data"]).Host);

        using DatasetQuery query = DatasetQuery.Open(_directory["data"]);
        Assert.Equal([host, host], query.Run("SELECT DISTINCT host, host_name FROM allocations JOIN process USING (host, process)").ReadRow()!);
    }

    [Fact]
    public void A_dataset_that_cannot_be_written_is_told_in_one_line()
    {
        var refusal = Assert.Throws<DatasetNotWritableException>(() => SampleTrace.Analyze(_directory["trace"], "/proc/allocreplay"));
        Assert.Matches("^/proc/allocreplay: cannot write a dataset there: [^\n]+$", refusal.Message);
        File.WriteAllText(_directory["file"], "");
        Assert.Throws<DatasetNotWritableException>(() => SampleTrace.Analyze(_directory["trace"], _directory["file/data"]));
    }

    [Fact]
    public async Task Every_process_image_of_a_session_is_analyzed_side_by_side()
    {
        SampleTrace.Write(_directory["trace"], image: "p200.0");
        using Trace trace = Trace.Open(_directory["trace"]);
        var shares = new List<double>();
        SessionAnalysis all = await Analysis.RunAllAsync(
            trace, null, new AnalysisOptions { Directory = _directory["data"] }, new Collected(shares), TestContext.Current.CancellationToken);

        Assert.Equal(["p100.0", "p200.0"], all.Images.Select(i => i.Process));
        Assert.All(all.Images, i => Assert.Equal(SampleTrace.Blocks, i.Tables[0].Rows));
        Assert.Equal(shares.Order(), shares);
        using DatasetQuery query = DatasetQuery.Open(_directory["data"]);
        Assert.Equal([[(long)SampleTrace.Blocks, "p100.0"], [(long)SampleTrace.Blocks, "p200.0"]],
            query.Run("SELECT count(*), process FROM allocations GROUP BY process ORDER BY process").ReadRows());
    }

    private sealed class Collected(List<double> shares) : IProgress<double>
    {
        public void Report(double value) => shares.Add(value);
    }

    [Fact]
    public void A_partition_value_fits_a_file_name() =>
        Assert.InRange(Partition.Escape(new string('é', 4000)).Length, 190, 200);

    [Fact]
    public void A_directory_that_holds_anything_is_refused_and_left_as_it_is()
    {
        Directory.CreateDirectory(_directory["data"]);
        File.WriteAllText(Path.Combine(_directory["data"], "notes.txt"), "mine");

        var refusal = Assert.Throws<DatasetExistsException>(() => SampleTrace.Analyze(_directory["trace"], _directory["data"]));

        Assert.Equal("host=unknown/process=p100.0", refusal.Partition);
        Assert.Equal(["notes.txt"], Files(_directory["data"]));
        Assert.Throws<DatasetExistsException>(() => SampleTrace.Analyze(_directory["trace"], Path.Combine(_directory["data"], "notes.txt")));
    }

    [Fact]
    public void Force_replaces_the_same_process_and_no_foreign_file()
    {
        SampleTrace.Analyze(_directory["trace"], _directory["data"]);
        string partition = Path.Combine(_directory["data"], "allocations/host=unknown/process=p100.0");
        string other = Path.Combine(_directory["data"], "allocations/host=unknown/process=p7.0");
        Directory.CreateDirectory(other);
        File.Copy(Path.Combine(partition, "part-00000.parquet"), Path.Combine(other, "part-00000.parquet"));
        File.WriteAllText(Path.Combine(partition, "part-00009.parquet"), "of an older, longer analysis");
        File.WriteAllText(Path.Combine(partition, "notes.txt"), "mine");

        SampleTrace.Analyze(_directory["trace"], _directory["data"], force: true);

        Assert.Equal(
            [
                "allocations/host=unknown/process=p100.0/notes.txt",
                "allocations/host=unknown/process=p100.0/part-00000.parquet",
                "allocations/host=unknown/process=p7.0/part-00000.parquet",
                .. Tables.Skip(1).Select(t => $"{t}/host=unknown/process=p100.0/part-00000.parquet"),
            ],
            Files(_directory["data"]));
    }

    [Fact]
    public void A_damaged_trace_writes_nothing_unless_a_partial_result_is_asked_for()
    {
        SampleTrace.Write(_directory["damaged"], w => w.Thread(0).Bytes(0x03, 0x3f)); // an operation that does not exist

        Assert.Throws<TraceDamagedException>(() => SampleTrace.Analyze(_directory["damaged"], _directory["data"]));
        Assert.False(Directory.Exists(_directory["data"]));

        AnalysisResult result = SampleTrace.Analyze(_directory["damaged"], _directory["data"], partial: true);
        Assert.NotNull(result.Damage);
        using DatasetQuery query = DatasetQuery.Open(_directory["data"]);
        Assert.Equal([(long)SampleTrace.Blocks, result.Damage], query.Run("SELECT acquisitions, damage FROM process").ReadRow()!);
    }

    [Fact]
    public async Task A_cancelled_analysis_leaves_nothing()
    {
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        using TraceReader reader = TraceReader.Open(_directory["trace"]);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            Analysis.RunAsync(reader, new AnalysisOptions { Directory = _directory["data"] }, token: cancelled.Token));

        Assert.False(Directory.Exists(_directory["data"]));
    }

    [Fact]
    public void What_a_killed_analysis_left_is_removed_and_one_that_runs_is_let_be()
    {
        var partition = new Partition("h", "p1.0");
        string abandoned = Path.Combine(_directory["data"], ".allocreplay-0");
        Directory.CreateDirectory(abandoned);
        File.WriteAllText(Path.Combine(abandoned, "lock"), "");
        using OutputDirectory running = OutputDirectory.Create(_directory["data"], partition, force: false);
        File.WriteAllText(Path.Combine(running.Stage("allocations"), "part-00000.parquet"), "");
        Assert.False(Directory.Exists(abandoned));

        SampleTrace.Analyze(_directory["trace"], _directory["data"], force: true);

        running.Commit(["allocations"]);
        Assert.Contains("allocations/host=h/process=p1.0/part-00000.parquet", Files(_directory["data"]));
    }

    [Fact]
    public void Threads_and_process_say_what_the_trace_says()
    {
        SampleTrace.Analyze(_directory["trace"], _directory["data"]);
        using TraceReader reader = TraceReader.Open(_directory["trace"]);
        TraceStatistics expected = TraceStatistics.Of(reader);

        using DatasetQuery query = DatasetQuery.Open(_directory["data"]);
        List<object?[]> threads = query.Run(
            "SELECT thread, os_tid, name, parent, start_ns, end_ns, exited, calls, bytes_requested FROM threads ORDER BY thread").ReadRows().ToList();
        Assert.Equal(
            expected.Threads.Select((t, i) => new object?[]
            {
                i, (long)reader.Threads[i].OsTid, reader.Threads[i].Name, t.Parent, t.FirstNs, t.LastNs, t.ExitNs is not null, t.Calls, (long)t.BytesRequested,
            }),
            threads);
        object?[] process = query.Run("""
            SELECT pid, executable, arguments, allocator_path, started_epoch_ns, duration_ns, events, calls, acquisitions, events_lost,
                   unknown_releases, implicit_releases, format_version
            FROM process
            """).ReadRow()!;
        Assert.Equal(
            [
                100L, "/bin/test", "[]", "/lib/libtest.so", 1_700_000_000_000_000_000L, expected.DurationNs, expected.Events, expected.Calls,
                expected.Acquisitions, 0L, reader.Merge.UnknownReleases, reader.Merge.ImplicitReleases, "1.0",
            ],
            process);
    }

    private static List<string> Files(string directory) =>
        Directory.GetFiles(directory, "*", SearchOption.AllDirectories)
            .Where(f => !Path.GetFileName(Path.GetDirectoryName(f)!).StartsWith('.'))
            .Select(f => Path.GetRelativePath(directory, f)).Order(StringComparer.Ordinal).ToList();
}
