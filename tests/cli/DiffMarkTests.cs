using AllocReplay.Cli;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary>The moments of <c>diff</c> by the marks of a recording.</summary>
public sealed class DiffMarkTests : IDisposable
{
    private const string Hostile = "[red]\e[2J\u202e";

    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _runner = new();

    public DiffMarkTests()
    {
        // At step 4 the block of step 4 is there, and of step 7 the release has been.
        new PlannedBlocks().Add("f", 1, 1).Add("f", 20, 3, 7).Add("f", 300, 4).Add("f", 4000, 6).Add("f", 50_000, 9)
            .Mark("a", 2).Mark("deploy", 4).Mark("deploy", 7).Mark("deploy#2", 5).Mark(Hostile, 8).Analyze(_directory["d"]);
        new PlannedBlocks().Add("f", 1, 1).Analyze(_directory["none"]);
    }

    public void Dispose()
    {
        _runner.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData("--at mark:a --at mark:deploy", 1, 321)]
    [InlineData("--at mark#1:deploy --at mark#2:deploy", 321, 4301)]
    [InlineData("--at mark:deploy --at mark:deploy#2", 321, 321)] // a name that ends as a number would
    [InlineData("--at mark:a --at 0.000056s", 1, 4301)]
    [InlineData("--at mark:a --at end", 1, 54301)]
    [InlineData("--from mark:a --to mark:deploy --to mark#2:deploy", 20, 4320)]
    [InlineData("--from mark:a --from mark:deploy --to mark#2:deploy", 4320, 4300)] // what is freed at its end is there before it]
    [InlineData("--from mark:deploy --from mark#2:deploy", 54300, 50000)]
    public void A_mark_is_the_moment_at_which_it_was_left(string options, long a, long b)
    {
        Assert.True(Run("d", options.Split(' ')) == ExitCode.Ok, _runner.Error);
        string[] lines = _runner.Output.TrimEnd('\n').Split('\n');
        int sideA = Array.IndexOf(lines[0].Split(','), "a_outstanding_bytes"), sideB = Array.IndexOf(lines[0].Split(','), "b_outstanding_bytes");
        Assert.Equal($"{a} {b}", $"{lines[1].Split(',')[sideA]} {lines[1].Split(',')[sideB]}");
    }

    [Theory]
    [InlineData("d", "mark:other", "--at mark:other: D has no such mark in p100.0; there are the marks a, deploy, 'deploy#2', $'[red]\\x1b[2J\\u202e'")]
    [InlineData("d", "mark#3:deploy", "--at 'mark#3:deploy': D has no such mark in p100.0; there are 2 marks of this name")]
    [InlineData("d", "mark#2:a", "--at 'mark#2:a': D has no such mark in p100.0; there is 1 mark of this name")]
    [InlineData("none", "mark:a", "--at mark:a: D has no such mark in p100.0; there are no marks")]
    [InlineData("d", "mark:", "--at mark:: expected a mark such as mark:NAME")]
    [InlineData("d", "mark#0:a", "--at 'mark#0:a': expected a mark such as mark:NAME")]
    [InlineData("d", "mark#:a", "--at 'mark#:a': expected a mark such as mark:NAME")]
    [InlineData("d", "mark", "--at mark: expected a time")]
    public void One_that_is_not_there_is_a_line_that_tells_which_are(string dataset, string moment, string message)
    {
        Assert.Equal(ExitCode.Usage, Run(dataset, "--at", moment, "--at", "end"));
        Assert.Contains(message.Replace(" D ", $" {_directory[dataset]} ", StringComparison.Ordinal), _runner.Error, StringComparison.Ordinal);
        Assert.Equal(1, _runner.Error.Count(c => c == '\n'));
        Assert.Equal("", _runner.Output);
    }

    [Fact]
    public void Of_many_some_are_told()
    {
        PlannedBlocks plan = new PlannedBlocks().Add("f", 1, 1);
        for (int i = 0; i < 30; i++)
            plan.Mark($"m{i}", i + 2);
        plan.Analyze(_directory["many"]);
        Assert.Equal(ExitCode.Usage, Run("many", "--at", "mark:x", "--at", "end"));
        Assert.Contains("there are the marks m0, m1, m2, m3, m4, m5, m6, m7, m8, m9 and 20 more", _runner.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_stretch_that_ends_before_it_begins_is_refused()
    {
        Assert.Equal(ExitCode.Usage, Run("d", "--from", "mark:deploy", "--to", "mark:a", "--to", "mark:deploy"));
        Assert.Contains("--to mark:a: expected a time after mark:deploy", _runner.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, Run("d", "--from", "mark:deploy", "--to", "mark:deploy", "--to", "1s"));
        Assert.Contains("--to mark:deploy: expected a time after mark:deploy", _runner.Error, StringComparison.Ordinal);
    }

    private int Run(string dataset, params string[] options) => _runner.Run(["diff", _directory[dataset], "--csv", .. options]);
}
