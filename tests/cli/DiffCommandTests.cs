using System.Globalization;
using System.Text.Json;
using AllocReplay.Analyzer.Query;
using AllocReplay.Cli;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary>What <c>diff</c> takes, says and writes.</summary>
public sealed class DiffCommandTests : IDisposable
{
    private const int Seed = 15_9;

    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _runner = new();

    public DiffCommandTests()
    {
        new PlannedBlocks().Add("grows", 1000, 1).Add("same", 500, 2).Add("shrinks", 4000, 3).Add("gone", 700, 4, 5).Analyze(_directory["a"]);
        new PlannedBlocks().Add("grows", 3000, 1).Add("same", 500, 2).Add("shrinks", 1000, 3).Add("fresh", 900, 4).Analyze(_directory["b"]);
    }

    public void Dispose()
    {
        _runner.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData("", "grows|fresh|same|gone|shrinks")]
    [InlineData("--sort bytes", "grows|fresh|same|gone|shrinks")]
    [InlineData("--sort blocks", "fresh|grows|same|shrinks|gone")]
    [InlineData("--sort lifetime", "fresh|grows|same|shrinks|gone")]
    [InlineData("--limit 2", "grows|fresh")]
    public void What_grew_most_comes_first(string options, string expected)
    {
        Assert.Equal(ExitCode.Ok, Run($"a b --csv {options}"));
        Assert.Equal(expected, string.Join('|', Csv().Select(r => r["function"])));
        Assert.All(Csv(), r => Assert.Equal(r["function"] switch { "fresh" => "new", "gone" => "gone", _ => "same" }, r["match"]));
    }

    [Fact]
    public void The_table_has_the_totals_and_the_sites_that_differ()
    {
        Assert.Equal(ExitCode.Ok, Run("a b"));
        Assert.Contains("outstanding", _runner.Output, StringComparison.Ordinal);
        Assert.Contains("grows (grows.c:2)", _runner.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("same.c", _runner.Output, StringComparison.Ordinal);
        Assert.Matches(@"acquired +6.1 KiB +5.3 KiB +-12.9 %", _runner.Output);
        Assert.All(_runner.Output.Split('\n'), l => Assert.InRange(l.Length, 0, 110));

        Assert.Equal(ExitCode.Ok, Run("a b --limit 1"));
        Assert.DoesNotContain("fresh", _runner.Output, StringComparison.Ordinal);
        Run("a a --process p100.0");
        Assert.Contains("No site differs.", _runner.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Json_has_both_sides_of_every_site()
    {
        Assert.Equal(ExitCode.Ok, Run("a b --json"));
        using JsonDocument json = JsonDocument.Parse(_runner.Output);
        Assert.Equal("allocreplay.diff/1", json.RootElement.GetProperty("schema").GetString());
        Assert.Equal(5500, json.RootElement.GetProperty("a").GetProperty("outstanding_bytes").GetDouble());
        JsonElement first = json.RootElement.GetProperty("sites")[0];
        Assert.Equal((1000, 3000), (first.GetProperty("a").GetProperty("bytes").GetInt64(), first.GetProperty("b").GetProperty("bytes").GetInt64()));
    }

    [Fact]
    public void Traces_are_analyzed_first_and_two_process_images_of_one_dataset_are_compared()
    {
        Assert.Equal(ExitCode.Ok, Run("a.allocrec b --csv"));
        string fromTrace = _runner.Output;
        Assert.Contains("analyzing ", _runner.Error, StringComparison.Ordinal);
        Run("a b --csv");
        Assert.Equal(_runner.Output, fromTrace);

        new PlannedBlocks().Add("f", 10, 1).Write(_directory["s.allocrec"], "/bin/x", "p1.0");
        new PlannedBlocks().Add("f", 30, 1).Add("f", 1, 2).Write(_directory["s.allocrec"], "/bin/y", "p2.0");
        Assert.Equal(ExitCode.Ok, Run("s.allocrec --process p1.0 --process p2.0 --csv"));
        Assert.Equal(("10", "31"), (Assert.Single(Csv())["a_bytes"], Csv()[0]["b_bytes"]));
        Assert.Equal(ExitCode.Ok, Run("a s.allocrec --csv"));
        Assert.Contains("Note: p2.0 (y) is the busiest of 2 process images", _runner.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_moments_and_two_stretches_agree_with_sql()
    {
        PlannedBlocks.Random(new Random(Seed), events: 200, functions: 3).Analyze(_directory["r"]);
        Assert.Equal(ExitCode.Ok, Run("r --at 0.0005 --at 0.0012 --csv"));
        foreach (Dictionary<string, string> row in Csv())
            foreach ((string side, long ns) in new[] { ("a", 500_000), ("b", 1_200_000L) })
            {
                string blocks = $"FROM allocations JOIN sites USING (site) WHERE function = '{row["function"]}' AND alloc_ns <= {ns}";
                Assert.Equal(
                    Sql($"SELECT coalesce(sum(size), 0), count(*) {blocks} AND (end_kind = 'alive_at_end' OR end_ns > {ns})"),
                    $"{row[side + "_outstanding_bytes"]}|{row[side + "_outstanding_blocks"]}");
                Assert.Equal(Sql($"SELECT coalesce(sum(size), 0), count(*) {blocks}"), $"{row[side + "_bytes"]}|{row[side + "_blocks"]}");
            }
        Assert.Equal(ExitCode.Ok, Run("r --from 0 --to 0.0005 --from 0.0005 --to 0.001 --csv"));
        Assert.Equal(
            Sql("SELECT count(*) FILTER (alloc_ns < 500000), count(*) FILTER (alloc_ns >= 500000 AND alloc_ns < 1000000) FROM allocations"),
            $"{Csv().Sum(r => Number(r["a_blocks"]))}|{Csv().Sum(r => Number(r["b_blocks"]))}");
        Assert.Equal(ExitCode.Ok, Run("r --at peak --at end --csv"));
        Assert.Equal(
            Sql("SELECT any_value(peak_live_bytes), (SELECT sum(size) FROM allocations WHERE end_kind = 'alive_at_end') FROM process"),
            $"{Csv().Sum(r => Number(r["a_outstanding_bytes"]))}|{Csv().Sum(r => Number(r["b_outstanding_bytes"]))}");
    }

    [Theory]
    [InlineData("a", 2, "one dataset: name a second")]
    [InlineData("a --at 10s", 2, "one dataset: name a second")]
    [InlineData("a b --at 1s --from 1s", 2, "--at excludes --from and --to")]
    [InlineData("a b --at 1s --at 2s --at 3s", 2, "--at: expected one for both sides, or one for each, found 3")]
    [InlineData("a b --from 2s --to 1s", 2, "--to 1s: expected a time after 2s")]
    [InlineData("a b --at x", 2, "--at x: expected a time")]
    [InlineData("a b --process p9.0", 2, "--process p9.0: ")]
    [InlineData("a b --json --csv", 2, "--json and --csv exclude each other")]
    [InlineData("a b --sort colour", 2, "colour")]
    [InlineData("a nowhere", 3, "nowhere: no such dataset")]
    public void What_makes_no_sense_is_said_in_a_line(string options, int code, string message)
    {
        Assert.Equal(code, Run(options));
        Assert.Contains(message, _runner.Error, StringComparison.Ordinal);
        Assert.Equal("", _runner.Output);
    }

    [Fact]
    public void Hostile_names_come_as_text_and_are_whole_in_csv()
    {
        const string name = "[red]x\n\e[2J,\"y\u202e";
        new PlannedBlocks().Add(name, 10, 1).Analyze(_directory["h"]);
        Assert.Equal(ExitCode.Ok, Run("a h"));
        Assert.DoesNotContain('\e', _runner.Output);
        Assert.DoesNotContain('\u202e', _runner.Output);
        Assert.Contains("[red]x", _runner.Output, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Ok, Run("a h --csv"));
        Assert.Contains("\"[red]x\n\e[2J,\"\"y\u202e\"", _runner.Output, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Ok, Run("a h --json"));
        Assert.DoesNotContain('\e', _runner.Output);
        Assert.DoesNotContain('\u202e', _runner.Output);
    }

    private int Run(string line)
    {
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return _runner.Run(["diff", .. words.Select((w, i) => i < 2 && !w.StartsWith('-') ? _directory[w] : w)]);
    }

    private List<Dictionary<string, string>> Csv()
    {
        string[] lines = _runner.Output.TrimEnd('\n').Split('\n'), names = lines[0].Split(',');
        return [.. lines.Skip(1).Select(l => names.Zip(l.Split(',')).ToDictionary(p => p.First, p => p.Second))];
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);

    private string Sql(string sql)
    {
        using DatasetQuery query = DatasetQuery.Open(_directory["r"]);
        using QueryResult result = query.Run(sql, QueryForm.Text);
        return string.Join('|', result.ReadRow()!);
    }
}
