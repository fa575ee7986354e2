using AllocReplay.Analyzer.Passes;
using AllocReplay.Analyzer.Query;
using AllocReplay.Formats;
using AllocReplay.Formats.Stacks;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Analyzer;

/// <summary>The tables of call stacks, of recordings made by hand.</summary>
public sealed class StackTableTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_block_names_the_stacks_of_its_calls_and_its_site()
    {
        Analyze();
        Assert.Equal(
            [
                "0|5|7|take|false", // of a reallocation there is one stack, which ends one block and begins the next
                "1|6|0|take|false", // released with a stack that is not there
                "2|7|7|other|true",
                "3|8|0|shop+0x600|false",
                "4|9|0|shop+0x700|false",
                "5|0|0|(not known)|false",
                "6|0|0|(not known)|false",
                "7|0|0|(not known)|false",
                "8|11|0|0xfffffffffffffeff|false",
                "9|7|0|other|false",
            ],
            Lines("""
                SELECT a.object, a.alloc_stack, a.free_stack, s.function, a.is_temporary
                FROM allocations a JOIN sites s USING (host, process, site) ORDER BY object
                """));
    }

    [Fact]
    public void A_stack_is_a_row_and_its_functions_are_rows()
    {
        Analyze();
        Assert.Equal(
            [
                "5|4|true|take|/src/take.c|31|helper < take < shop::serve(int) < main < libc.so.6+0x100",
                "6|4|true|take|/src/take.c|35|take < shop::serve(int) < main < libc.so.6+0x100",
                "7|3|true|other||0|other < main < libc.so.6+0x100",
                "8|1|false|shop+0x600||0|shop+0x600 < …",
                "9|1|false|shop+0x700||0|shop+0x700 < …",
                "11|3|true|0xfffffffffffffeff||0|0xfffffffffffffeff < main < libc.so.6+0x100",
            ],
            Lines("SELECT stack, depth, is_whole, function, file, line, text FROM stacks ORDER BY stack"));
        Assert.Equal(
            [
                "5|0|helper|true", "5|1|take|false", "5|2|shop::serve(int)|false", "5|3|main|false", "5|4|libc.so.6+0x100|false",
                "6|0|take|false", "6|1|shop::serve(int)|false", "6|2|main|false", "6|3|libc.so.6+0x100|false",
            ],
            Lines("""
                SELECT stack, position, function, is_inlined FROM stack_frames JOIN frames USING (host, process, frame) WHERE stack < 7 ORDER BY stack, position
                """));
        Assert.Equal(
            [
                "0|4096|0|1024|helper||/src/helper.h|3|true", "1|4096|0|1024|take||/src/take.c|31|true",
                "2|4096|0|768|shop::serve(int)|_ZN4shop5serveEi|/src/serve.cpp|20|true", "3|4096|0|512|main||/src/main.c|10|true",
                "4|1048576|1|256|libc.so.6+0x100|||0|false", "5|4096|0|1104|take||/src/take.c|35|true", "6|4096|0|1280|other|||0|true",
                "7|4096|0|1536|shop+0x600|||0|false", "8|4096|0|1792|shop+0x700|||0|false", "9|-257|-1|-257|0xfffffffffffffeff|||0|false",
            ],
            Lines("""
                SELECT frame, address - CASE module WHEN -1 THEN 0 ELSE module_offset END, module, module_offset, function, linkage_name, file, line, has_symbol
                FROM frames ORDER BY frame
                """));
        Assert.Equal(
            ["0|/opt/shop dir/shop|a1b2|4096|36864|0", "1|/lib/libc.so.6||1048576|2097152|0"],
            Lines("SELECT module, path, build_id, from_address, to_address, generation FROM modules ORDER BY module"));
    }

    /// <summary>Of a function that acquires in several lines, the line is that which holds the most, not the first or the busiest.</summary>
    [Fact]
    public void A_site_has_the_line_that_holds_the_most()
    {
        var writer = new RecordingWriter(_directory["r"]) { Stacks = true, Modules = SampleStacks.Modules(), Symbols = SampleStacks.Symbols };
        SampleStacks.AddFrames(writer);
        writer.Thread(0).Malloc(800, 0x1000, 5000, SampleStacks.TakeHere).Free(1600, 0x1000).Malloc(2400, 0x2000, 8, SampleStacks.TakeHere)
            .Malloc(3200, 0x3000, 9, SampleStacks.TakeThere);
        writer.Save();
        SampleTrace.Analyze(_directory["r"], _directory["data"]);
        Assert.Equal(["take|35|17"], Lines("SELECT function, line, live_bytes FROM sites WHERE site <> 0"));
        Assert.Equal(["take|35|9", "take|31|8"], Lines("SELECT function, line, live_bytes FROM outstanding_by_line"));
    }

    /// <summary>An allocator that brings its own operator new is called from where others' operator new is.</summary>
    [Fact]
    public void Operator_new_is_passed_over()
    {
        SymbolTable symbols = SampleStacks.Of((0x200, [new("main", "", "", 1)]), (0x900, [new("operator new(unsigned long)", "_Znwm", "", 0)]),
            (0x910, [new("operator new[](unsigned long)", "_Znam", "", 0)]));
        var writer = new RecordingWriter(_directory["r"]) { Stacks = true, Modules = SampleStacks.Modules(), Symbols = symbols };
        int main = writer.Frame(0x1201), single = writer.Frame(0x1901, main), array = writer.Frame(0x1911, main);
        int both = writer.Frame(0x1901, array), bare = writer.Frame(0x1901);
        writer.Thread(0).Malloc(800, 0x1000, 1, main).Malloc(1600, 0x2000, 2, single).Malloc(2400, 0x3000, 3, both).Malloc(3200, 0x4000, 4, bare);
        writer.Save();
        SampleTrace.Analyze(_directory["r"], _directory["data"]);
        Assert.Equal(["main|main|6", "operator new(unsigned long)|operator new(unsigned long)|4"],
            Lines("SELECT function, text, bytes FROM sites ORDER BY bytes DESC"));
    }

    [Fact]
    public void A_site_adds_up_what_its_stacks_acquired()
    {
        Analyze();
        Assert.Equal(
            [
                "(not known)||0|(not known)|0|3|6|3|6|6|0|0|5600|7200",
                "0xfffffffffffffeff||0|0xfffffffffffffeff < main|1|1|4|1|4|4|0|0|8000|8000",
                "other||0|other < main|1|2|210|1|200|200|1|0|2400|9600",
                "shop+0x600||0|shop+0x600 < …|1|1|7|1|7|7|0|0|4000|4000",
                "shop+0x700||0|shop+0x700 < …|1|1|9|1|9|9|0|0|4800|4800",
                "take|/src/take.c|31|take < shop::serve(int) < main|2|2|150|0|0|150|0|1|800|1600",
            ],
            Lines("""
                SELECT function, file, line, text, stacks, blocks, bytes, live_blocks, live_bytes, peak_live_bytes, temporary_blocks, cross_thread_frees,
                       first_ns, last_ns
                FROM sites ORDER BY function
                """));
        using TraceReader reader = TraceReader.Open(_directory["trace"]);
        long site = unchecked((long)SiteHash.Of(reader.Frames.Of(SampleStacks.TakeHere, out _), reader.Symbols));
        Assert.Equal([$"{site}"], Lines("SELECT site FROM sites WHERE function = 'take'"));
        Assert.Equal(["0"], Lines("SELECT site FROM sites WHERE function = '(not known)'"));
        Assert.Equal(["true|true|223|8800"], Lines("SELECT stacks, free_stacks, peak_live_bytes - 53, peak_live_ns - 800 FROM process"));
    }

    /// <summary>What the table of sites says is what the blocks say.</summary>
    [Fact]
    public void Sites_agree_with_the_blocks()
    {
        Analyze();
        Assert.Empty(Lines(Disagreement("count(*)")));
        Assert.NotEmpty(Lines(Disagreement("count(*) + 1"))); // the control

        static string Disagreement(string blocks) => $"""
            SELECT site FROM (
                SELECT site, {blocks} AS blocks, sum(size) AS bytes, count(*) FILTER (end_kind = 'alive_at_end') AS live_blocks,
                       coalesce(sum(size) FILTER (end_kind = 'alive_at_end'), 0) AS live_bytes, count(*) FILTER (is_temporary) AS temporary,
                       count(*) FILTER (free_thread >= 0 AND free_thread <> alloc_thread) AS others, min(alloc_ns) AS first, max(alloc_ns) AS last
                FROM allocations GROUP BY site
            ) a JOIN sites s USING (site)
            WHERE (a.blocks, a.bytes, a.live_blocks, a.live_bytes, a.temporary, a.others, a.first, a.last)
                IS DISTINCT FROM (s.blocks, s.bytes, s.live_blocks, s.live_bytes, s.temporary_blocks, s.cross_thread_frees, s.first_ns, s.last_ns)
            """;
    }

    [Fact]
    public void A_site_is_the_same_at_other_addresses_and_another_under_other_names()
    {
        long[] SitesOf(string name, ulong at, SymbolTable? symbols = null)
        {
            SampleStacks.Write(_directory[$"{name}.allocrec"], symbols, at: at);
            SampleTrace.Analyze(_directory[$"{name}.allocrec"], _directory[name]);
            return [.. Lines("SELECT site FROM sites WHERE function IN ('take', 'taken', 'other') ORDER BY bytes", name).Select(long.Parse)];
        }
        long[] sites = SitesOf("a", 0x1000);
        Assert.Equal(2, sites.Distinct().Count());
        Assert.Equal(sites, SitesOf("b", 0x40000));
        long[] renamed = SitesOf("c", 0x1000, SampleStacks.Of(
            (0x200, [new("main", "", "", 0)]), (0x300, [new("shop::serve(int)", "_ZN4shop5serveEi", "", 0)]), (0x400, [new("taken", "", "", 0)]),
            (0x450, [new("taken", "", "", 0)]), (0x500, [new("other", "", "", 0)])));
        Assert.Equal((false, true), (renamed[0] == sites[0], renamed[1] == sites[1]));
    }

    /// <summary>Symbols that are found when the trace is analyzed, in the place of those that it holds.</summary>
    [Fact]
    public async Task Symbols_can_be_handed_over()
    {
        SampleStacks.Write(_directory["trace"]);
        using TraceReader reader = TraceReader.Open(_directory["trace"]);
        SymbolTable symbols = SampleStacks.Of((0x500, [new("handed over", "", "", 0)]));
        await Analysis.RunAsync(
            reader, new AnalysisOptions { Directory = _directory["data"], Symbols = _ => symbols }, token: TestContext.Current.CancellationToken);
        Assert.Equal(["handed over|true", "shop+0x200|false"], Lines("SELECT function, has_symbol FROM frames WHERE module_offset IN (1280, 512) ORDER BY 1"));
    }

    [Fact]
    public void Without_stacks_the_tables_are_there_and_have_no_rows()
    {
        SampleTrace.Write(_directory["trace"]);
        AnalysisResult result = SampleTrace.Analyze(_directory["trace"], _directory["data"]);
        foreach (string table in new[] { "sites", "stacks", "stack_frames", "frames", "modules" })
        {
            Assert.Empty(Lines($"SELECT * FROM {table}"));
            Assert.Equal((0L, 1), result.Tables.Where(t => t.Name == table).Select(t => (t.Rows, t.Files)).Single());
        }
        Assert.Equal(["0|0|0|8"], Lines("SELECT alloc_stack, free_stack, site, count(*) FROM allocations GROUP BY ALL"));
        Assert.Equal(["false|false"], Lines("SELECT stacks, free_stacks FROM process"));
    }

    [Fact]
    public void What_is_asked_for_and_missing_is_told()
    {
        SampleTrace.Write(_directory["trace"]);
        SampleTrace.Analyze(_directory["trace"], _directory["data"]);
        using (DatasetQuery query = DatasetQuery.Open(_directory["data"]))
        {
            string[] ofStacks =
                ["top_sites", "leak_suspects", "SELECT * FROM Outstanding_By_Site", "SELECT count(*) FROM stacks", "SELECT site FROM allocations"];
            foreach (string sql in ofStacks)
                Assert.Equal(new MissingStacks(1, 1), query.StacksMissingFor(sql));
            foreach (string sql in new[] { "outstanding", "thread_summary", "SELECT size FROM allocations" })
                Assert.Null(query.StacksMissingFor(sql));
        }
        SampleStacks.Write(_directory["stacks"]);
        Directory.Move(_directory[$"stacks/{RecordingWriter.ImageName}"], _directory["stacks/p200.0"]);
        SampleTrace.Analyze(_directory["stacks"], _directory["data"], force: true);
        using (DatasetQuery query = DatasetQuery.Open(_directory["data"]))
            Assert.Equal(new MissingStacks(2, 1), query.StacksMissingFor("top_sites"));
        SampleTrace.Analyze(_directory["stacks"], _directory["whole"]);
        using (DatasetQuery query = DatasetQuery.Open(_directory["whole"]))
            Assert.Null(query.StacksMissingFor("top_sites"));
    }

    [Fact]
    public void Damaged_symbols_are_damage_and_a_partial_result_goes_without_stacks()
    {
        SampleStacks.Write(_directory["trace"]);
        File.WriteAllBytes(_directory[$"trace/{RecordingWriter.ImageName}/symbols.msgpack"], [0xc1]);

        Assert.Throws<TraceDamagedException>(() => SampleTrace.Analyze(_directory["trace"], _directory["data"]));
        Assert.False(Directory.Exists(_directory["data"]));
        AnalysisResult result = SampleTrace.Analyze(_directory["trace"], _directory["data"], partial: true);
        Assert.Contains("symbols", result.Damage, StringComparison.Ordinal);
        Assert.Equal([$"10|0|{result.Damage}"], Lines("SELECT (SELECT count(*) FROM allocations), (SELECT count(*) FROM sites), damage FROM process"));
        File.Delete(_directory[$"trace/{RecordingWriter.ImageName}/symbols.msgpack"]);
    }

    /// <summary>More frames than a row group has, of many stacks.</summary>
    [Fact]
    public void Tables_larger_than_a_row_group_are_whole()
    {
        const int Roots = 200, Depth = 400;
        var writer = new RecordingWriter(_directory["trace"]) { Stacks = true };
        long ns = 0;
        for (int root = 0; root < Roots; root++)
        {
            int stack = 0;
            for (int i = 0; i < Depth; i++)
                stack = writer.Frame((ulong)(0x10000 * (root + 1) + i + 1), stack);
            writer.Thread(0).Malloc(ns += 80, (ulong)ns * 16, 1, stack);
        }
        writer.Save();
        SampleTrace.Analyze(_directory["trace"], _directory["data"]);
        Assert.Equal(
            [$"{Roots * Depth}|{Roots}|{Depth - 1}|{Roots * Depth}"],
            Lines("SELECT count(*), count(DISTINCT stack), max(position), (SELECT count(DISTINCT function) FROM frames) FROM stack_frames"));
    }

    private void Analyze()
    {
        SampleStacks.Write(_directory["trace"]);
        SampleTrace.Analyze(_directory["trace"], _directory["data"]);
    }

    private string[] Lines(string sql, string dataset = "data")
    {
        using DatasetQuery query = DatasetQuery.Open(_directory[dataset]);
        using QueryResult result = query.Run(sql, QueryForm.Text);
        return [.. result.ReadRows().Select(r => string.Join('|', r.Select(v => v ?? "NULL")))];
    }
}
