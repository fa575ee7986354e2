using AllocReplay.Cli;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary><c>query</c> without a statement on a terminal: its keys, its history, and how it ends and leaves the terminal.</summary>
[StartsProcesses]
public sealed class QueryPromptTests : IDisposable
{
    private const string Ready = "query> \r\e[7C";
    private const string Endless = "SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE a.range * b.range % 7 = 3;\r";

    private readonly TemporaryDirectory _directory = new();

    public QueryPromptTests()
    {
        SampleTrace.Write(_directory["trace"]);
        SampleTrace.Analyze(_directory["trace"], _directory["data"]);
    }

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("\u0004", ExitCode.Ok)] // Ctrl-D
    [InlineData(".quit\r", ExitCode.Ok)]
    public void Statements_are_answered_and_the_terminal_is_left_as_it_was(string end, int exitCode)
    {
        using TerminalProcess terminal = Start();
        string given = terminal.Await("\r\n");
        Assert.Contains("/data: 1 process image.", terminal.Await(Ready), StringComparison.Ordinal);
        terminal.Press("SELECT count(*) AS blocks\rFROM alloc\t;\r");
        Assert.Contains("\r\n  blocks\r\n", terminal.Await("1 row, "), StringComparison.Ordinal);
        terminal.Await(Ready);
        terminal.Press("\e[A\r"); // the same once more
        terminal.Await("1 row, ");
        terminal.Await(Ready);
        terminal.Press("dropped\u0003");
        terminal.Await("^C");
        terminal.Await(Ready);
        terminal.Press(end);
        Assert.Equal(exitCode, terminal.Finish());
        Assert.EndsWith("\e[?2004l" + given, terminal.Printed.Replace(".quit", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Equal(end.Length > 1 ? ["SELECT count(*) AS blocks\\nFROM allocations;", ".quit"] : ["SELECT count(*) AS blocks\\nFROM allocations;"],
            File.ReadAllLines(_directory["state/allocreplay/history"]));
    }

    [Fact]
    public void Ctrl_C_interrupts_what_runs_and_gives_the_prompt_back()
    {
        using TerminalProcess terminal = Start();
        terminal.Await(Ready);
        terminal.Press(Endless);
        terminal.Await("running; Ctrl-C interrupts it");
        terminal.Press("SELECT 'struck ahead';\r\u0003");
        Assert.DoesNotContain("row", terminal.Await("interrupted\r\n"), StringComparison.Ordinal);
        terminal.Await(Ready);
        terminal.Press("SELECT 'afterwards' AS a;\r");
        Assert.DoesNotContain("struck ahead", terminal.Await("1 row, "), StringComparison.Ordinal);
        terminal.Press("\u0004");
        Assert.Equal(ExitCode.Ok, terminal.Finish());
    }

    [Theory]
    [InlineData("TERM", ExitCode.Interrupted, "")]
    [InlineData("HUP", ExitCode.HungUp, "")]
    [InlineData("TERM", ExitCode.Interrupted, Endless)]
    public void A_signal_ends_it_with_the_terminal_as_it_was(string signal, int exitCode, string statement)
    {
        // Beside it, the shell has a process that waits for a word on a pipe.
        NamedPipe.Create(_directory["now"]);
        using TerminalProcess terminal = Start($"""(read word < "{_directory["now"]}"; pkill -{signal} -f "query {_directory["data"]}$") & """);
        string given = terminal.Await("\r\n");
        terminal.Await(Ready);
        if (statement.Length > 0)
        {
            terminal.Press(statement);
            terminal.Await("running; Ctrl-C interrupts it");
        }
        File.AppendAllText(_directory["now"], "now\n");
        Assert.Equal(exitCode, terminal.Finish());
        Assert.EndsWith($"allocreplay: interrupted; nothing unfinished is left\r\n{given}", terminal.Printed, StringComparison.Ordinal);
    }

    [Fact]
    public void On_a_terminal_that_shows_text_alone_nothing_but_text_is_written()
    {
        using TerminalProcess terminal = Start("", ("TERM", "dumb"));
        string given = terminal.Await("\r\n");
        terminal.Await("query> ");
        terminal.Press("SELECT 'a;'\n");
        terminal.Await("  ...> ");
        terminal.Press("AS b;\n");
        terminal.Await("1 row, ");
        terminal.Await("query> ");
        terminal.Press(Endless.Replace('\r', '\n'));
        terminal.Await("running; Ctrl-C interrupts it");
        terminal.Press("\u0003");
        terminal.Await("interrupted\r\n");
        terminal.Await("query> ");
        terminal.Press("\u0004");
        Assert.Equal(ExitCode.Ok, terminal.Finish());
        Assert.EndsWith(given, terminal.Printed, StringComparison.Ordinal);
        Assert.DoesNotContain("\e[", terminal.Printed, StringComparison.Ordinal);
    }

    [Fact]
    public void A_history_that_cannot_be_kept_is_told_once()
    {
        File.WriteAllText(_directory["state"], "no directory");
        using TerminalProcess terminal = Start();
        terminal.Await(Ready);
        terminal.Press("SELECT 1;\rSELECT 2;\r\u0004");
        terminal.Await("no history is kept: ");
        Assert.Equal(ExitCode.Ok, terminal.Finish());
        Assert.Equal(2, terminal.Printed.Split("no history is kept").Length);
        Assert.Equal(3, terminal.Printed.Split("1 row, ").Length);
    }

    /// <summary>The control: without a terminal there is no prompt, whichever end has none.</summary>
    [Theory]
    [InlineData("</dev/null")]
    [InlineData("| cat")]
    public void Off_a_terminal_a_statement_is_expected(string redirection)
    {
        using TerminalProcess terminal = new($"'{Programs.AllocReplayCommand}' query '{_directory["data"]}' {redirection}", _directory["log"]);
        terminal.Finish();
        Assert.Contains("allocreplay: expected either an SQL query or --view NAME", terminal.Printed, StringComparison.Ordinal);
    }

    /// <summary>Prints the settings of the terminal, runs the prompt, and prints them again.</summary>
    private TerminalProcess Start(string before = "", params (string, string)[] environment) => new(
        $"stty -g; {before} '{Programs.AllocReplayCommand}' query '{_directory["data"]}'; code=$?; stty -g; exit $code", _directory["log"], 80,
        [("XDG_STATE_HOME", _directory["state"]), .. environment]);
}
