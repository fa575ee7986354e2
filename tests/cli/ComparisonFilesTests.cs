using System.Text;
using AllocReplay.Cli;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Pages;
using AllocReplay.Replayer.Compare;
using AllocReplay.Replayer.Compare.Corpus;
using AllocReplay.Replayer.Compare.Gate;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary>What <c>compare</c> writes to files: CSV, Markdown, and when it writes none.</summary>
public sealed class ComparisonFilesTests : IDisposable
{
    private const string Formula = "=HYPERLINK(\"x\"),\ny", Table = "a|b\\|c\n<img src=x> `d` *e* _f_ ![g](h)";

    private static readonly string[] Names = ["first", Formula, SampleComparison.Broken, "tcmalloc_minimal"];
    private static readonly string[] Numbers = ["median", "min", "max", "ratio", "low", "high", "confidence"];
    private static readonly Lazy<ComparisonReport> Report = new(() => SampleComparison.Make(Table, Names));

    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _runner = new();

    public void Dispose()
    {
        _runner.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Csv_has_a_row_for_each_figure_of_each_configuration()
    {
        List<string[]> rows = Csv(Text(output => ComparisonCsv.Write(SampleComparison.Corpus(Report.Value), output)));
        string[] heads = rows[0];
        string Field(string[] row, string name) => row[Array.IndexOf(heads, name)];

        foreach (ComparisonRow row in Report.Value.Rows.Where(r => r.Allocator.Name == "tcmalloc_minimal"))
        {
            foreach (ComparedFigure figure in row.Figures)
            {
                string[] found = Assert.Single(rows, r => Field(r, "configuration") == row.Allocator.Name && Field(r, "metric") == figure.Metric);
                Assert.Equal(Expected(figure), Numbers.Select(n => Field(found, n)));
            }
        }
        string[] peak = Assert.Single(rows, r => Field(r, "configuration") == "tcmalloc_minimal" && Field(r, "metric") == "peak_rss");
        Assert.Equal("lower", Field(peak, "verdict"));
        string[] broken = Assert.Single(rows, r => Field(r, "configuration") == SampleComparison.Broken);
        Assert.Equal(("", "blocks: killed by SIGSEGV"), (Field(broken, "metric"), Field(broken, "failure")));
        Assert.All(rows, r => Assert.Equal(heads.Length, r.Length));
        Assert.Contains(rows, r => Field(r, "configuration") == "'" + Formula); // text, to a spreadsheet too
        Assert.DoesNotContain(rows, r => r.Any(f => f.StartsWith('=')));
    }

    [Fact]
    public void Markdown_is_a_table_whatever_is_in_the_names()
    {
        string text = Text(output => ComparisonMarkdown.Write(SampleComparison.Corpus(Report.Value), "allocreplay compare `x` ``y", output));
        string[] lines = text.Split('\n'), table = [.. lines.Where(l => l.StartsWith('|'))];
        Assert.StartsWith(
            "### a&#124;b&#92;&#124;c⏎&#60;img src=x&#62; &#96;d&#96; &#42;e&#42; &#95;f&#95; &#33;&#91;g&#93;(h)", text, StringComparison.Ordinal);
        Assert.Equal(2 + 5 + 2 + 5, table.Length); // the twin is in the first alone, the one to be compared with in the second alone
        Assert.All(table.Take(7), l => Assert.Equal(5, l.Count(c => c == '|')));
        Assert.All(table.Skip(7), l => Assert.Equal(8, l.Count(c => c == '|')));
        Assert.Contains(table, l => l.StartsWith("| tcmalloc_minimal | ", StringComparison.Ordinal) && l.Contains("faster", StringComparison.Ordinal));
        Assert.Contains("- broken failed (pass 'blocks'): killed by SIGSEGV", lines);
        Assert.Contains("Made by ```allocreplay compare `x` ``y```.", lines);
        Assert.DoesNotContain('<', text);
    }

    [Fact]
    public void Several_traces_have_their_means_and_those_that_were_not_compared_their_reason()
    {
        CorpusReport corpus = Several();
        List<string[]> rows = Csv(Text(output => ComparisonCsv.Write(corpus, output)));
        string[] heads = rows[0];
        string Field(string[] row, string name) => row[Array.IndexOf(heads, name)];
        Assert.Equal(["a", "b", "c", "(mean)"], rows.Skip(1).Select(r => r[0]).Distinct()); // as tables, gates and the page have them
        string[] mean = Assert.Single(
            rows, r => Field(r, "trace") == "(mean)" && Field(r, "configuration") == "tcmalloc_minimal" && Field(r, "metric") == "speed");
        PairedRatio ratio = corpus.Summary!.Rows.Single(r => r.Name == "tcmalloc_minimal")["speed"]!.Ratio!;
        Assert.Equal((ratio.Estimate.ToString("R", System.Globalization.CultureInfo.InvariantCulture), "", "higher"),
            (Field(mean, "ratio"), Field(mean, "median"), Field(mean, "verdict")));
        Assert.Equal("no ratio on a, b", Field(Assert.Single(
            rows, r => Field(r, "trace") == "(mean)" && Field(r, "configuration") == SampleComparison.Broken && Field(r, "metric") == "cpu"), "failure"));
        Assert.Equal("c/x: =no such trace", Field(Assert.Single(rows, r => r[0] == "c"), "failure"));
        Assert.All(rows, r => Assert.Equal(heads.Length, r.Length));

        string text = Text(output => ComparisonMarkdown.Write(corpus, "allocreplay compare", output));
        Assert.StartsWith("### Geometric means over 2 of the 3 traces", text, StringComparison.Ordinal);
        Assert.Contains("\n- broken has no mean: it failed on a, b\n", text, StringComparison.Ordinal);
        Assert.Contains("\n- c not compared: =no such trace\n", text, StringComparison.Ordinal);
        Assert.True(text.IndexOf("### a", StringComparison.Ordinal) < text.IndexOf("### b", StringComparison.Ordinal));
    }

    [Fact]
    public void Markdown_begins_with_what_became_of_conditions_what_failed_in_bold()
    {
        var passed = new GateFinding("x.speed < 1", GateOutcome.Passed, 1.1, 1.05, 1.2);
        GateFinding[] gate = [passed, new("x.cpu > *1*", GateOutcome.NoFigure, null, null, null)];
        string text = Text(output => ComparisonMarkdown.Write(SampleComparison.Corpus(Report.Value with { Gate = gate }), "allocreplay compare", output));
        int at = text.IndexOf(
            "\n\n- **FAILED: 'x.cpu &#62; &#42;1&#42;': there is no such figure in these runs**\n- passed: 'x.speed", StringComparison.Ordinal);
        Assert.InRange(at, 1, text.IndexOf("| against ", StringComparison.Ordinal));

        text = Text(output => ComparisonMarkdown.Write(Several(), "allocreplay compare", output));
        string[] lines = text.Split('\n');
        Assert.StartsWith("- **FAILED on b: 'x.speed &#60; 1' holds: the left", lines[2], StringComparison.Ordinal);
        Assert.Equal("- passed on 1 of 2 traces: 'x.speed &#60; 1' does not hold", lines[3]);
        Assert.StartsWith("- passed: 'x.speed", lines[Array.IndexOf(lines, "### a") + 4], StringComparison.Ordinal);
        Assert.StartsWith("- **FAILED: 'x.speed", lines[Array.IndexOf(lines, "### b") + 4], StringComparison.Ordinal);
    }

    [Fact]
    public void The_terminal_has_each_trace_then_the_means_within_a_hundred_columns()
    {
        CorpusReport corpus = Several();
        foreach (TraceResult trace in corpus.Traces.Where(t => t.Report is not null))
            CorpusPage.Print(trace, trace.Report!, _runner.Terminal);
        CorpusPage.PrintSummary(corpus, _runner.Terminal);
        string text = _runner.Output;
        Assert.Equal(2, text.Split("\n").Count(l => l.Contains(" calls, 2 threads, peak live ", StringComparison.Ordinal)));
        string summary = text[text.IndexOf("Geometric means over 2 of the 3 traces", StringComparison.Ordinal)..];
        Assert.Contains("(itself, again)", summary, StringComparison.Ordinal);
        Assert.Contains(summary.Split('\n'), l => l.StartsWith("  broken ", StringComparison.Ordinal) && l.Contains("no mean", StringComparison.Ordinal));
        Assert.Contains("FAILED on b: 'x.speed < 1'", summary, StringComparison.Ordinal);
        Assert.Contains("passed on 1 of 2 traces: 'x.speed < 1' does not hold", summary, StringComparison.Ordinal);
        Assert.Contains("c not compared: =no such trace", summary, StringComparison.Ordinal);
        Assert.Contains("Left out of corpus: notes (no traces)", summary, StringComparison.Ordinal);
        Assert.All(text.Split('\n').Where(l => l.StartsWith("  ", StringComparison.Ordinal)), l => Assert.InRange(l.Length, 1, 100));
    }

    [Theory]
    [InlineData(59.2, "60s")]
    [InlineData(119.5, "120s")]
    [InlineData(121, "3m")]
    [InlineData(8000, "3h")]
    public void A_time_that_would_do_is_rounded_up_and_can_be_typed(double seconds, string expected)
    {
        Assert.Equal(expected, CorpusPage.Time(seconds));
        Assert.True(AllocReplay.Cli.Output.Quantity.ParseTime("--budget", expected).TotalSeconds >= seconds);
    }

    private static CorpusReport Several()
    {
        var failed = new GateFinding("x.speed < 1", GateOutcome.Failed, 0.9, 0.8, 0.95);
        CorpusReport two = SampleComparison.Corpus(Report.Value with { Trace = "a/x" }, Report.Value with { Trace = "b/x" });
        TraceResult[] traces =
        [
            two.Traces[0] with { Name = "a", Report = two.Traces[0].Report! with { Gate = [failed with { Outcome = GateOutcome.Passed }] } },
            two.Traces[1] with { Name = "b", Report = two.Traces[1].Report! with { Gate = [failed] } },
            new TraceResult("c", "c/x", new TraceFailure(TraceFailureKind.Unreadable, "c/x: =no such trace"), null),
        ];
        return CorpusReport.Of(traces, new ComparisonOptions { Seed = 1, Blocks = 12 }, TimeSpan.FromSeconds(1)) with
        {
            LeftOut = [new LeftOut("corpus", "notes", "no traces")],
        };
    }

    [Fact]
    public void What_cannot_be_written_is_told_before_anything_is_run()
    {
        string there = _directory["there.csv"];
        File.WriteAllText(there, "mine");
        AssertUsage("there.csv: already there; choose another name, or replace it with --force", "--csv", there);
        AssertUsage("--csv -, --json: one alone can go to standard output; name a file for the others", "--csv", "-", "--json");
        AssertUsage("--csv -, --md -: one alone", "--csv", "-", "--md", "-");
        AssertUsage("--csv, --md: both name", "--csv", _directory["x"], "--md", _directory["x"]);
        Assert.Equal(ExitCode.NotPossible, _runner.Run("compare", _directory["none.alloctrace"], "--md", _directory["none/x.md"]));
        Assert.StartsWith($"allocreplay: {_directory["none/x.md"]}: cannot be written: ", _runner.Error, StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(there));
    }

    [Fact]
    public void A_build_without_the_page_says_what_is_missing()
    {
        PageMissingException e = Assert.Throws<PageMissingException>(() => PageTemplate.Load("compare.html", typeof(ComparisonFilesTests).Assembly));
        Assert.Equal(ExitCode.NotPossible, Failures.Classify(e)!.Value.ExitCode);
        Assert.Contains("./build.sh build", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_to_be_typed_next_is_what_was_typed_with_the_order_and_what_is_not_there_yet()
    {
        var files = new ComparisonFiles(null, null, null, Force: false, ["compare", "a b", "--allocator", "glibc,jemalloc"]);
        Assert.Equal("allocreplay compare 'a b' --allocator glibc,jemalloc --seed 7 --html comparison.html", files.Next(7));
        // Files that are there now would be refused.
        Assert.Equal("allocreplay compare x --seed 8 --json",
            (files with { Html = "x.html", Words = ["compare", "x", "--html", "x.html", "--csv=x.csv", "--seed", "8", "--md", "x.md"] }).Next(8));
    }

    [Fact]
    public void Files_are_whole_and_replaced_only_by_force()
    {
        var files = new ComparisonFiles(null, _directory["x.csv"], _directory["x.md"], Force: false, ["compare", "x"]);
        files.Write(_runner.Terminal, () => SampleComparison.Corpus(Report.Value));
        Assert.Equal(["x.csv", "x.md"], Directory.GetFiles(_directory.Path).Select(Path.GetFileName).Order());
        Assert.Equal($"allocreplay: wrote {_directory["x.csv"]}\nallocreplay: wrote {_directory["x.md"]}\n", _runner.Error);
        Assert.Throws<UsageException>(() => files.Write(_runner.Terminal, () => SampleComparison.Corpus(Report.Value)));
        (files with { Force = true }).Write(_runner.Terminal, () => SampleComparison.Corpus(Report.Value));
        Assert.Throws<OperationCanceledException>(() => (files with { Csv = _directory["y.csv"], Markdown = null })
            .Write(_runner.Terminal, () => throw new OperationCanceledException()));
        Assert.Equal(2, Directory.GetFiles(_directory.Path).Length); // nothing unfinished is left

        (files with { Csv = ComparisonFiles.StandardOutput, Markdown = null }).Write(_runner.Terminal, () => SampleComparison.Corpus(Report.Value));
        Assert.Equal(File.ReadAllText(_directory["x.csv"]), _runner.Output);
    }

    private static IEnumerable<string> Expected(ComparedFigure f) =>
        new[] { f.Spread.Median, f.Spread.Min, f.Spread.Max, f.Ratio?.Estimate, f.Ratio?.Low, f.Ratio?.High, f.Ratio?.Confidence }
            .Select(v => v?.ToString("R", System.Globalization.CultureInfo.InvariantCulture) ?? "");

    private void AssertUsage(string expected, params string[] arguments)
    {
        Assert.Equal((ExitCode.Usage, ""), (_runner.Run(["compare", _directory["none.alloctrace"], .. arguments]), _runner.Output));
        Assert.Contains(expected, _runner.Error, StringComparison.Ordinal);
        Assert.Single(_runner.Error.TrimEnd().Split('\n'));
    }

    private static string Text(Action<Stream> write)
    {
        using var stream = new MemoryStream();
        write(stream);
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    /// <summary>Rows of CSV, read as RFC 4180 has it.</summary>
    private static List<string[]> Csv(string text)
    {
        var rows = new List<string[]>();
        var row = new List<string>();
        var field = new StringBuilder();
        bool isQuoted = false;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (isQuoted && c == '"' && i + 1 < text.Length && text[i + 1] == '"')
                field.Append(text[i++]);
            else if (c == '"')
                isQuoted = !isQuoted;
            else if (!isQuoted && (c is ',' or '\n'))
            {
                row.Add(field.ToString());
                field.Clear();
                if (c == '\n')
                {
                    rows.Add([.. row]);
                    row.Clear();
                }
            }
            else
                field.Append(c);
        }
        return rows;
    }
}
