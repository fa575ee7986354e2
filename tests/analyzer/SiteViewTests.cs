using AllocReplay.Analyzer.Query;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Stacks;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Analyzer;

/// <summary>The views over call sites, of a trace in which each site does one thing.</summary>
public sealed class SiteViewTests : IDisposable
{
    private const int Steps = 100, StepNs = 8000;

    private static readonly string[] Functions =
        ["leaks", "sets_up", "works", "frees_at_exit", "holds_long", "is_lazy", "leaks_a_few", "leaks_beside_a_long_life", "peaks", "moves"];

    private readonly TemporaryDirectory _directory = new();
    private readonly SortedDictionary<long, List<Action>> _at = []; // frees come first: they were planned before
    private readonly RecordingWriter _writer;
    private ulong _next = 0x1000;

    public SiteViewTests()
    {
        _writer = new RecordingWriter(_directory["trace"])
        {
            Stacks = true,
            Modules = SampleStacks.Modules(),
            Symbols = SampleStacks.Of([.. Functions.Select((f, i) => ((ulong)i, new FunctionLine[] { new(f, "", $"/src/{f}.c", i + 1) }))]),
        };
        foreach (int i in Enumerable.Range(0, Functions.Length))
            _writer.Frame((ulong)(0x1000 + i + 1));
        for (int step = 0; step < Steps; step++)
        {
            Block("leaks", step, 10);
            Block("works", step, 5, until: step + 1);
            Block("frees_at_exit", step, 20, until: Steps);
            Block("holds_long", step, 8, until: step + 30);
            Block("leaks_a_few", step, 4, until: step % 10 == 0 ? null : step + 1);
            // One block that lived long does not explain, as a lifetime, all that were not freed.
            Block("leaks_beside_a_long_life", step, 2, until: step == 1 ? 70 : step % 4 == 0 ? null : step + 1);
            if (step < 10)
                Block("sets_up", step, 100);
            if (step is 1 or 15 or 25)
                Block("is_lazy", step, 100);
            if (step is >= 40 and < 50)
                Block("peaks", step, 100_000, until: 50);
            if (step == 60)
                Block("moves", step, 6, until: 61, freeingThread: 1);
        }
        foreach (Action act in _at.Values.SelectMany(a => a))
            act();
        _writer.Save();
        SampleTrace.Analyze(_directory["trace"], _directory["data"]);
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Suspects_are_those_that_keep_ever_more() => Assert.Equal(
        [
            "frees_at_exit|overdue, growing|1800|90|9|0|1820|91|1600|8|0",
            "leaks|overdue, growing|900|90|9|0|910|91|800|8|1000",
            "leaks_beside_a_long_life|overdue, growing|44|22|9|552000|48|24|38|8|52",
            "leaks_a_few|overdue, growing|36|9|8|8000|40|10|32|8|44",
        ],
        Lines("""
            SELECT function, why, overdue_bytes, overdue_blocks, overdue_tenths, longest_ns, live_bytes, live_blocks, growth_bytes, steps_up, live_at_end
            FROM leak_suspects
            """));

    [Fact]
    public void Growth_is_told_by_tenths_of_the_time()
    {
        string[] lines = Lines(
            "SELECT function, growth_bytes, round(growth_bytes_per_s)::BIGINT, steps_up, live_1, live_2, live_9, live_at_end FROM growth_by_site");
        Assert.Equal("frees_at_exit|1600|2500000|8|220|420|1820|0", lines[0]);
        Assert.Equal("leaks|800|1250000|8|110|210|910|1000", lines[1]);
        Assert.Contains(lines, l => l.StartsWith("holds_long|152|", StringComparison.Ordinal) && l.Contains("|2|88|168|240|", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, l => l.StartsWith("works|", StringComparison.Ordinal) || l.StartsWith("sets_up|", StringComparison.Ordinal));
    }

    [Fact]
    public void Top_sites_come_by_bytes() => Assert.Equal(
        ["peaks|1000000|10|1|1000000|0", "frees_at_exit|2000|100|0|2000|0", "leaks|1000|100|0|1000|1000"],
        Lines("SELECT function, bytes, blocks, temporary_blocks, peak_live_bytes, live_bytes FROM top_sites LIMIT 3"));

    [Fact]
    public void Shares_of_all_bytes_are_one() =>
        Assert.Equal(["true"], Lines("SELECT abs(sum(share) - 1) < 1e-9 FROM top_sites"));

    [Fact]
    public void Outstanding_sites_tell_the_ages_of_their_blocks() => Assert.Equal(
        ["leaks|100|1000|99|0", "sets_up|10|1000|99|90"],
        Lines($"SELECT function, live_blocks, live_bytes, oldest_ns // {StepNs} - 1, newest_ns // {StepNs} - 1 FROM outstanding_by_site LIMIT 2"));

    [Fact]
    public void The_peak_is_made_of_what_was_live_then() => Assert.Equal(
        ["peaks|10|1000000|1000000", "frees_at_exit|50|1000|2000", "sets_up|10|1000|1000"],
        Lines("SELECT function, peak_blocks, peak_bytes, own_peak_bytes FROM live_at_peak LIMIT 3"));

    [Fact]
    public void Temporary_blocks_and_threads_add_up_to_those_of_the_blocks()
    {
        Assert.Equal(
            Lines("SELECT count(*) FROM allocations WHERE is_temporary"), Lines("SELECT coalesce(sum(temporary_blocks), 0)::BIGINT FROM temporary_by_site"));
        Assert.Equal(["0|1"], Lines("SELECT thread, freed_by_others FROM thread_summary"));
        Assert.Equal(
            Lines("SELECT count(*), sum(size), count(*) FILTER (end_kind = 'alive_at_end'), count(*) FILTER (is_temporary) FROM allocations"),
            Lines("SELECT sum(blocks), sum(bytes), sum(live_blocks), sum(temporary_blocks) FROM thread_summary"));
    }

    [Fact]
    public void The_peak_is_told_with_its_blocks_and_moment() => Assert.Equal(
        Lines("SELECT peak_live_bytes, peak_live_ns, (SELECT sum(peak_blocks) FROM live_at_peak), 100000 FROM process"),
        Lines("SELECT peak_bytes, peak_ns, peak_blocks, largest_block FROM peak"));

    private void Block(string function, int step, ulong size, int? until = null, int freeingThread = 0)
    {
        ulong address = _next += 0x10_0000;
        int stack = Array.IndexOf(Functions, function) + 2;
        Plan(step, () => _writer.Thread(0).Malloc((step + 1) * StepNs, address, size, stack));
        if (until < Steps || function == "frees_at_exit")
            Plan(until!.Value, () => _writer.Thread(freeingThread).Event((until.Value + 1) * StepNs, CallKind.Free, address));
    }

    private void Plan(long step, Action act)
    {
        if (!_at.TryGetValue(step, out List<Action>? acts))
            _at.Add(step, acts = []);
        acts.Add(act);
    }

    private string[] Lines(string sql)
    {
        using DatasetQuery query = DatasetQuery.Open(_directory["data"]);
        using QueryResult result = query.Run(sql, QueryForm.Text);
        return [.. result.ReadRows().Select(r => string.Join('|', r.Select(v => v ?? "NULL")))];
    }
}
