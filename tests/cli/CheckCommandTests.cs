using System.Text.Json;
using System.Xml.Linq;
using AllocReplay.Cli;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Pages;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary>What <c>check</c> takes, says and writes, and the code that it ends with.</summary>
public sealed class CheckCommandTests : IDisposable
{
    private const string Hostile = "</failure>\n::error::y\e[2J,a:b%0A\u202e]]>";

    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _runner = new();
    private readonly string _data;

    public CheckCommandTests()
    {
        _data = _directory["data"];
        new PlannedBlocks().Add("leaks", 3 << 20, 1).Add("keeps", 100, 2).Add("works", 1 << 20, 3, 4).Analyze(_data);
    }

    public void Dispose()
    {
        _runner.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData("--max-peak 5M --max-outstanding 4M --max-outstanding-per-site 3M", 0, "passed: 1 process image, peak 4.0 MiB, outstanding 3.0 MiB\n")]
    [InlineData("--max-peak 4M", 1, "p100.0: peak 4.0 MiB (limit 4.0 MiB, 4,194,404 of 4,194,304 B); most of it, 3.0 MiB, at leaks (leaks.c:2)\n")]
    [InlineData("--max-outstanding 1M", 1, "p100.0: outstanding 3.0 MiB (limit 1.0 MiB); most of it, 3.0 MiB, at leaks (leaks.c:2)\n")]
    [InlineData("--max-outstanding-per-site 0", 1,
        "p100.0: outstanding 3.0 MiB (limit 0 B) at leaks (leaks.c:2)\np100.0: outstanding 100 B (limit 0 B) at keeps (keeps.c:1)\n")]
    [InlineData("--process p100.0 --max-peak 1G", 0, "passed: 1 process image, peak 4.0 MiB, outstanding 3.0 MiB\n")]
    public void A_line_a_finding_and_exit_code_1_or_one_line_and_0(string options, int code, string output)
    {
        Assert.Equal(code, _runner.Run(["check", _data, .. options.Split(' ')]));
        Assert.Equal(output, _runner.Output);
        Assert.Equal("", _runner.Error);
    }

    [Theory]
    [InlineData("", 2, "expected a condition: --max-peak")]
    [InlineData("--suppressions x", 2, "expected a condition")]
    [InlineData("--max-peak x", 2, "--max-peak x: expected a size")]
    [InlineData("--max-growth 1M", 2, "--max-growth 1M: expected a size by s, min or h, such as 1M/min")]
    [InlineData("--baseline x --max-regression 0%", 2, "--max-regression 0%: expected a percentage above 0 and below 1000000, such as 1% or 0.5%")]
    [InlineData("--max-peak 1M --max-regression 5%", 2, "--max-regression 5%: name what it is held against")]
    [InlineData("--max-peak 1M --process p7.0", 2, "--process p7.0: ")]
    [InlineData("--max-peak 1M --json --github", 2, "--json and --github exclude each other")]
    [InlineData("--max-peak 1M --suppressions /nowhere/x", 3, "/nowhere/x")]
    [InlineData("--baseline /nowhere/x", 3, "/nowhere/x: no such dataset")]
    public void What_makes_no_sense_is_said_in_a_line(string options, int code, string message)
    {
        Assert.Equal(code, _runner.Run(["check", _data, .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries)]));
        Assert.Contains(message, _runner.Error, StringComparison.Ordinal);
        Assert.Equal("", _runner.Output);
    }

    [Theory]
    [InlineData("1M/min", 1 << 20)]
    [InlineData("1K/s", 60 << 10)]
    [InlineData("60K/h", 1 << 10)]
    [InlineData("0/min", 0)]
    public void A_growth_is_a_size_by_a_time(string text, double perMinute) => Assert.Equal(perMinute, CheckArguments.ParseGrowth("--max-growth", text), 1e-6);

    [Fact]
    public void A_growth_of_milliseconds_is_judged_with_a_warning()
    {
        Assert.Equal(0, _runner.Run("check", _data, "--max-growth", "1G/s", "--max-peak", "5M"));
        Assert.Matches(@"^allocreplay: warning: p100\.0: growth was measured over [\d.]+ µs alone, .*\n$", _runner.Error);
        new PlannedBlocks().Add("works", 1 << 20, 1, 200_000).Analyze(_directory["long"]); // 1.6 s
        Assert.Equal(0, _runner.Run("check", _directory["long"], "--max-growth", "1G/s"));
        Assert.Equal("", _runner.Error);
    }

    [Fact]
    public void Suppressions_are_counted_and_unused_ones_named()
    {
        string file = _directory["supp"];
        File.WriteAllText(file, "# known\nleak:^leaks$\nleak:not_there\n");
        Assert.Equal(ExitCode.Ok, _runner.Run("check", _data, "--max-outstanding", "1M", "--suppressions", file));
        Assert.Equal("allocreplay: suppressed: 3.0 MiB in 1 block; 1 of 2 suppressions unused: leak:not_there\n", _runner.Error);

        File.WriteAllText(file, "race:x\n");
        Assert.Equal(ExitCode.Usage, _runner.Run("check", _data, "--max-outstanding", "1M", "--suppressions", file));
        Assert.Contains($"{file}:1: expected leak:PATTERN", _runner.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_baseline_is_a_dataset_or_a_trace()
    {
        new PlannedBlocks().Add("leaks", 1 << 20, 1).Write(_directory["before.allocrec"]);
        Assert.Equal(ExitCode.Failed, _runner.Run("check", _data + ".allocrec", "--baseline", _directory["before.allocrec"], "--max-regression", "10%"));
        Assert.Contains(
            "p100.0: outstanding 3.0 MiB (baseline 1.0 MiB, +200.0 %, limit 1.1 MiB) at leaks (leaks.c:2)\n", _runner.Output, StringComparison.Ordinal);
        Assert.Contains("p100.0: new site: allocated 1.0 MiB (the baseline has no such site) at works (works.c:3)\n", _runner.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("keeps", _runner.Output, StringComparison.Ordinal); // new, but small
        Assert.Equal(ExitCode.Ok, _runner.Run("check", _data, "--baseline", _data));
    }

    [Fact]
    public void Json_is_one_object_with_the_exact_figures()
    {
        Assert.Equal(ExitCode.Failed, _runner.Run("check", _data, "--max-peak", "4M", "--json"));
        using JsonDocument json = JsonDocument.Parse(_runner.Output);
        JsonElement finding = Assert.Single(json.RootElement.GetProperty("findings").EnumerateArray());
        Assert.Equal("allocreplay.check/1", json.RootElement.GetProperty("schema").GetString());
        Assert.False(json.RootElement.GetProperty("passed").GetBoolean());
        Assert.Equal("max_peak", finding.GetProperty("condition").GetString());
        Assert.Equal(((4L << 20) + 100, 4L << 20), (finding.GetProperty("value").GetInt64(), finding.GetProperty("limit").GetInt64()));
    }

    [Fact]
    public void Junit_has_a_case_for_each_condition_and_is_not_replaced_unasked()
    {
        string file = _directory["junit.xml"];
        Assert.Equal(ExitCode.Failed, _runner.Run("check", _data, "--max-peak", "1G", "--max-outstanding-per-site", "0", "--junit", file));
        XElement suites = XDocument.Load(file).Root!, suite = Assert.Single(suites.Elements("testsuite"));
        Assert.Equal(("2", "1"), (suites.Attribute("tests")!.Value, suites.Attribute("failures")!.Value));
        Assert.Equal("shop", suite.Attribute("name")!.Value);
        Assert.Equal(["max-peak", "max-outstanding-per-site"], suite.Elements("testcase").Select(c => c.Attribute("name")!.Value));
        Assert.Empty(suite.Elements("testcase").First().Elements());
        XElement failure = Assert.Single(suite.Elements("testcase").Last().Elements("failure"));
        Assert.Equal(_runner.Output.TrimEnd(), failure.Value);
        Assert.EndsWith("; 1 finding more", failure.Attribute("message")!.Value, StringComparison.Ordinal);

        Assert.Equal(ExitCode.Usage, _runner.Run("check", _data, "--max-peak", "1G", "--junit", file));
        Assert.Equal(ExitCode.Ok, _runner.Run("check", _data, "--max-peak", "1G", "--junit", file, "--force"));
        Assert.Empty(XDocument.Load(file).Descendants("failure"));
    }

    [Fact]
    public void Junit_names_programs_so_that_a_case_is_the_same_in_the_next_build()
    {
        string file = _directory["memory.xml"];
        _runner.Run("check", _data, "--max-peak", "1G", "--junit", file);
        XElement suite = Assert.Single(XDocument.Load(file).Descendants("testsuite"));
        Assert.Equal(("shop", "allocreplay.shop"), ((string?)suite.Attribute("name"), (string?)suite.Element("testcase")!.Attribute("classname")));
        Assert.Equal("p100.0", (string?)suite.Descendants("property").Single().Attribute("value"));
    }

    [Fact]
    public void A_pattern_that_is_too_long_is_told_with_its_line()
    {
        File.WriteAllText(_directory["long.supp"], "leak:a\nleak:" + string.Concat(Enumerable.Repeat("*a", 5000)));
        Assert.Equal(ExitCode.Usage, _runner.Run("check", _data, "--max-peak", "1G", "--suppressions", _directory["long.supp"]));
        Assert.Contains("long.supp:2: expected a pattern of at most 4000 characters, found 10000", _runner.Error, StringComparison.Ordinal);
        File.WriteAllText(_directory["long.supp"], "leak:" + string.Concat(Enumerable.Repeat("*a", 2000)));
        Assert.Equal(ExitCode.Ok, _runner.Run("check", _data, "--max-peak", "1G", "--suppressions", _directory["long.supp"]));
    }

    [Fact]
    public void Annotations_are_at_the_line_of_the_source()
    {
        Assert.Equal(ExitCode.Failed, _runner.Run("check", _data, "--max-outstanding-per-site", "1M", "--github"));
        Assert.Equal(
            "::error file=/src/leaks.c,line=2,title=allocreplay max-outstanding-per-site::p100.0: outstanding 3.0 MiB (limit 1.0 MiB) at leaks (leaks.c:2)\n",
            _runner.Output);
    }

    [Theory]
    [InlineData("50%:a,b", "50%25:a,b", "50%25%3Aa%2Cb")]
    [InlineData("a\rb", "a\u23ceb", "a\u23ceb")]
    public void Annotations_are_escaped_as_github_has_it(string text, string data, string property) =>
        Assert.Equal((data, property), (CheckAnnotations.Data(text), CheckAnnotations.Property(text)));

    [Fact]
    public void Where_there_are_several_hosts_they_are_named()
    {
        AllocReplay.Analyzer.Check.CheckedProcess Of(string host) => new(host, "p1.0", "x", 1, 0, 0, 1, null, true, false, 0, "", null);
        Assert.Equal("p1.0", CheckLine.NameOf(new(true, [], [Of("a"), Of("a")], []), "a", "p1.0"));
        Assert.Equal("a/p1.0", CheckLine.NameOf(new(true, [], [Of("a"), Of("b")], []), "a", "p1.0"));
    }

    [Fact]
    public void Files_below_the_workspace_are_named_from_there()
    {
        var at = new AllocReplay.Analyzer.Check.CheckPlace(1, "f", "/home/ci/w/src/a.c", 3, "f", 1);
        var finding = new AllocReplay.Analyzer.Check.CheckFinding(default, default, "h", "p1.0", 2, 1, null, true, false, at);
        Assert.StartsWith("::error file=src/a.c,line=3,", CheckAnnotations.Of(finding, "p1.0", "/home/ci/w"), StringComparison.Ordinal);
        Assert.StartsWith("::error file=/home/ci/w/src/a.c,line=3,", CheckAnnotations.Of(finding, "p1.0", "/home/ci/w/sr"), StringComparison.Ordinal);
        Assert.StartsWith("::error title=", CheckAnnotations.Of(finding with { Place = null }, "p1.0", null), StringComparison.Ordinal);
    }

    [Fact]
    public void Hostile_names_come_through_every_output_as_text()
    {
        string hostile = _directory["hostile"], file = _directory["hostile.xml"];
        new PlannedBlocks { FileOf = f => $"/src/{f}" }.Add(Hostile, 1000, 1).Analyze(hostile);

        Assert.Equal(ExitCode.Failed, _runner.Run("check", hostile, "--max-outstanding-per-site", "0", "--junit", file));
        Assert.Single(_runner.Output.TrimEnd('\n').Split('\n'));
        Assert.DoesNotContain('\e', _runner.Output);
        XElement failure = Assert.Single(XDocument.Load(file).Descendants("failure"));
        Assert.Contains("</failure>", failure.Value, StringComparison.Ordinal);
        Assert.Contains("]]>", failure.Value, StringComparison.Ordinal);

        Assert.Equal(ExitCode.Failed, _runner.Run("check", hostile, "--max-outstanding-per-site", "0", "--github"));
        string line = Assert.Single(_runner.Output.TrimEnd('\n').Split('\n'));
        Assert.StartsWith("::error file=/src/</failure>\u23ce%3A%3Aerror%3A%3Ay", line, StringComparison.Ordinal);
        Assert.Contains("%2Ca%3Ab%250A", line, StringComparison.Ordinal);

        Assert.Equal(ExitCode.Failed, _runner.Run("check", hostile, "--max-outstanding-per-site", "0", "--json"));
        using JsonDocument json = JsonDocument.Parse(_runner.Output);
        string function = json.RootElement.GetProperty("findings")[0].GetProperty("place").GetProperty("function").GetString()!;
        Assert.Contains("\e[2J", function, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', _runner.Output);
    }
}
