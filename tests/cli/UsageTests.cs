using AllocReplay.Cli;
using AllocReplay.Cli.Options;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary>Command lines that make no sense: one line in our own words, where help is, and exit code 2.</summary>
public sealed class UsageTests : IDisposable
{
    private readonly CommandRunner _runner = new();

    public void Dispose() => _runner.Dispose();

    [Theory]
    [InlineData("expected <name>, found nothing", "allocreplay control TARGET mark --help", "control", "1", "mark")]
    [InlineData("expected a command: start, stop, mark, status or snapshot", "allocreplay control --help", "control", "1")]
    [InlineData("makr: no such command; did you mean mark?", "allocreplay control --help", "control", "1", "makr", "x")]
    [InlineData("frobnicate: no such command", "allocreplay --help", "frobnicate", "x")]
    [InlineData("relpay: no such command; did you mean replay?", "allocreplay --help", "relpay", "x")]
    [InlineData("expected <trace>, found nothing", "allocreplay info --help", "info")]
    [InlineData("--no-such: no such option", "allocreplay info --help", "info", "x", "--no-such")]
    [InlineData("--partail: no such option; did you mean --partial?", "allocreplay info --help", "info", "x", "--partail")]
    [InlineData("--proces=p1.0: no such option; did you mean --process?", "allocreplay info --help", "info", "x", "--proces=p1.0")]
    [InlineData("y: one argument too many", "allocreplay info --help", "info", "x", "y")]
    [InlineData("--limit many: expected a number", "allocreplay dump --help", "dump", "x", "--limit", "many")]
    [InlineData("--limit: expected a value, found nothing", "allocreplay dump --help", "dump", "x", "--limit")]
    [InlineData("--limit: expected one value, found 2", "allocreplay dump --help", "dump", "x", "--limit", "1", "--limit", "2")]
    [InlineData("--order best: expected deps, exact or total", "allocreplay verify --help", "verify", "x", "y", "--order", "best")]
    [InlineData("--follow-children perhaps: expected yes or no", "allocreplay record --help", "record", "--follow-children", "perhaps", "--", "x")]
    [InlineData("--from, which is required", "allocreplay import --help", "import", "x")]
    [InlineData("--sample 0: expected a number of blocks, such as 100, or of bytes with their unit, such as 512KiB", "allocreplay record --help",
        "record", "--sample", "0", "--", "true")]
    public void A_mistake_is_told_in_one_line_with_the_help_that_fits(string expected, string help, params string[] arguments)
    {
        Assert.Equal((ExitCode.Usage, ""), (_runner.Run(arguments), _runner.Output));

        string[] lines = _runner.Error.TrimEnd().Split('\n');
        Assert.Equal(2, lines.Length);
        Assert.StartsWith("allocreplay: ", lines[0], StringComparison.Ordinal);
        Assert.Contains(expected, lines[0], StringComparison.Ordinal);
        Assert.Equal($"Try '{help}'.", lines[1]);
    }

    [Theory]
    [InlineData("--stacks-free", "--stacks-free")]
    [InlineData("--stack-depth", "--stack-depth", "4")]
    public void What_refines_stacks_needs_stacks(string option, params string[] arguments)
    {
        Assert.Equal(ExitCode.Usage, _runner.Run(["record", .. arguments, "--", "true"]));
        Assert.Equal($"allocreplay: {option} goes with --stacks: add --stacks auto\n", _runner.Error);
    }

    [Fact]
    public void An_option_that_record_has_not_is_not_taken_for_the_command()
    {
        Assert.Equal(ExitCode.Usage, _runner.Run("record", "--sampel", "3", "--", "true"));
        Assert.Equal("allocreplay: record has no option --sampel; put -- before the command\n", _runner.Error);
    }

    [Theory]
    [InlineData("-", "a directory or a file and no stream")]
    [InlineData("/no/such/directory/x.allocrec", "there is no directory /no/such/directory")]
    [InlineData("/no/such/directory/x.alloctrace", "there is no directory /no/such/directory")]
    public void A_recording_that_cannot_be_where_it_was_asked_for_is_refused_before_the_command_runs(string output, string why)
    {
        Assert.Equal((ExitCode.RecordFailed, ""), (_runner.Run("record", "-o", output, "--", "false"), _runner.Output));
        Assert.Contains(why, _runner.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("control", "TARGET", "mark", "--help")]
    [InlineData("info", "--help")]
    public void The_help_that_is_named_is_there(params string[] arguments)
    {
        Assert.Equal(ExitCode.Ok, _runner.Run(arguments));
        Assert.Contains(arguments[^2] == "mark" ? "Leave a named mark" : "Show what a trace holds", _runner.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "abc", 3)]
    [InlineData("replay", "replay", 0)]
    [InlineData("relpay", "replay", 1)] // neighbours that changed places
    [InlineData("kitten", "sitting", 3)]
    public void Words_are_as_far_apart_as_letters_must_change(string a, string b, int distance)
    {
        Assert.Equal(distance, UsageMessages.EditDistance(a, b));
        Assert.Equal(distance, UsageMessages.EditDistance(b, a));
    }
}
