using System.Globalization;
using System.Text.Json;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Endtoend;

/// <summary>
/// The figures of the views against heaptrack's, of real programs that do the same in each run: blocks acquired, bytes at the peak, bytes never freed. They are
/// equal, without a tolerance, but for one block.
/// </summary>
/// <remarks>
/// That block is libstdc++'s pool for exceptions, which it acquires before <c>main</c> and keeps. heaptrack's library is written in C++ and brings libstdc++
/// into every program, so a program in C has a block more there, and its bytes more at the peak. And heaptrack has libstdc++ free the pool at the exit: of a
/// program in C++ it counts that much less as never freed. How large the pool is, the machine's libstdc++ knows: it is measured with a program that acquires
/// nothing, where heaptrack counts no other block.
/// </remarks>
[StartsProcesses]
public sealed class HeaptrackAgreementTests : IDisposable
{
    private static Figures? _pool;

    private readonly TemporaryDirectory _directory = new();

    public HeaptrackAgreementTests() =>
        File.WriteAllLines(_directory["lines"], Enumerable.Range(0, 3000).Select(i => $"line {i * 7919 % 3001} {new string('x', i % 50)}"));

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("sort", "--parallel=1", "-S", "1M", "lines")]
    [InlineData("mawk", "BEGIN { for (i = 0; i < 3000; i++) a[i] = i \"x\" i; n = 0; for (k in a) n += length(a[k]); print n }")]
    [InlineData("jq", "-n", "[range(2000) | {a: ., b: tostring}] | length")]
    [InlineData("sqlite3", ":memory:", "create table t(a, b); with recursive c(x) as (select 1 union all select x + 1 from c where x < 2000) "
        + "insert into t select x, x || 'row' from c; create index i on t(b); select count(*), sum(length(b)) from t;")]
    public void Of_a_program_in_C_heaptrack_has_one_block_more(string program, params string[] arguments)
    {
        Programs.Need("heaptrack", "heaptrack_print", program);
        Figures pool = Pool(), ours = Ours(program, arguments);
        Assert.True(ours.Blocks > 100 && ours.PeakBytes > ours.LeftBytes, ours.ToString());
        Assert.Equal(ours with { Blocks = ours.Blocks + 1, PeakBytes = ours.PeakBytes + pool.PeakBytes }, Heaptracks(program, arguments));
    }

    [Fact]
    public void Of_a_program_in_CPlusPlus_heaptrack_leaves_one_block_less()
    {
        Programs.Need("heaptrack", "heaptrack_print");
        string program = Targets.Build("one_thread.cpp");
        Figures pool = Pool(), ours = Ours(program, []);
        Assert.Equal(ours with { LeftBytes = ours.LeftBytes - pool.PeakBytes }, Heaptracks(program, []));
    }

    /// <summary>What heaptrack counts where the program acquires nothing.</summary>
    private Figures Pool()
    {
        if (_pool is { } known)
            return known;
        string nothing = Targets.Build("acquires_nothing.c");
        Assert.Equal(default, Ours(nothing, []));
        Figures pool = Heaptracks(nothing, []);
        Assert.Equal((1, 0), (pool.Blocks, pool.LeftBytes));
        _pool = pool;
        return pool;
    }

    /// <summary>Each figure as all views have it that tell it.</summary>
    private Figures Ours(string program, string[] arguments)
    {
        string trace = _directory[$"{Path.GetFileName(program)}.alloctrace"], dataset = trace + ".parquet";
        Run("allocreplay", Programs.AllocReplayCommand, ["record", "--stacks", "auto", "-o", trace, "--", program, .. arguments]);
        Run("allocreplay", Programs.AllocReplayCommand, ["analyze", trace, "-o", dataset]);
        string json = Run("allocreplay", Programs.AllocReplayCommand,
        [
            "query", "--json", dataset, """
            SELECT (SELECT coalesce(sum(blocks), 0) FROM thread_summary)::BIGINT AS blocks, (SELECT coalesce(sum(blocks), 0) FROM top_sites)::BIGINT AS blocks2,
                   (SELECT coalesce(sum(blocks), 0) FROM size_histogram)::BIGINT AS blocks3,
                   coalesce((SELECT peak_bytes FROM peak), 0)::BIGINT AS peak, (SELECT coalesce(sum(peak_bytes), 0) FROM live_at_peak)::BIGINT AS peak2,
                   (SELECT coalesce(sum(bytes), 0) FROM live_at)::BIGINT AS peak3,
                   (SELECT coalesce(sum(size), 0) FROM outstanding)::BIGINT AS left_bytes,
                   (SELECT coalesce(sum(live_bytes), 0) FROM outstanding_by_site)::BIGINT AS left_bytes2
            """,
        ]);
        JsonElement row = JsonDocument.Parse(json).RootElement[0];
        long Get(string name) => row.GetProperty(name).GetInt64();
        Assert.Equal((Get("blocks"), Get("blocks"), Get("peak"), Get("peak"), Get("left_bytes")),
            (Get("blocks2"), Get("blocks3"), Get("peak2"), Get("peak3"), Get("left_bytes2")));
        return new Figures(Get("blocks"), Get("peak"), Get("left_bytes"));
    }

    private Figures Heaptracks(string program, string[] arguments)
    {
        string prefix = _directory[$"{Path.GetFileName(program)}.heaptrack"];
        Run("heaptrack", "heaptrack", ["-o", prefix, program, .. arguments]);
        string file = Assert.Single(Directory.GetFiles(_directory.Path, Path.GetFileName(prefix) + ".*"));
        return new Figures(Sum("allocations"), Sum("peak"), Sum("leaked"));

        // What it prints is rounded; its flame graphs are not.
        long Sum(string cost)
        {
            string stacks = _directory["stacks.txt"];
            File.Delete(stacks);
            Run("heaptrack_print", "heaptrack_print", ["--disable-builtin-suppressions", "--flamegraph-cost-type", cost, "-F", stacks, "-f", file]);
            return File.ReadAllLines(stacks).Sum(l => long.Parse(l[(l.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));
        }
    }

    private string Run(string name, string file, string[] arguments)
    {
        ProgramResult result = Programs.Run(file, arguments, start => start.WorkingDirectory = _directory.Path);
        Assert.True(result.ExitCode == 0, $"{name} {string.Join(' ', arguments)}: {result.Error}");
        return result.Output;
    }

    private readonly record struct Figures(long Blocks, long PeakBytes, long LeftBytes);
}
