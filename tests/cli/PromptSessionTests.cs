using AllocReplay.Analyzer.Query;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Prompt;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary>What a prompt makes of its input, without a terminal: results as <c>query</c> prints them, commands, errors, interruptions.</summary>
public sealed class PromptSessionTests : IDisposable
{
    private const string Endless = "SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE a.range * b.range % 7 = 3;";

    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _runner = new();
    private readonly DatasetQuery _query;

    public PromptSessionTests()
    {
        SampleTrace.Write(_directory["trace"]);
        SampleTrace.Analyze(_directory["trace"], _directory["data"]);
        _query = DatasetQuery.Open(_directory["data"]);
    }

    public void Dispose()
    {
        _query.Dispose();
        _runner.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData("table")]
    [InlineData("csv")]
    [InlineData("json")]
    [InlineData("jsonl")]
    [InlineData("md")]
    public void Results_are_those_of_query_with_their_number_and_time(string format)
    {
        const string sql = "SELECT object, size, kind FROM allocations ORDER BY object";
        Assert.Equal(0, _runner.Run("query", _directory["data"], sql, "--format", format));
        string expected = _runner.Output;
        (string output, string error) = Run($".format {format}", sql + ";");
        Assert.Equal(expected, output);
        Assert.Matches(@"^8 rows, \S+ \S+\n$", error);
    }

    [Fact]
    public void Rows_are_as_many_as_the_limit_says()
    {
        (string output, string error) = Run("SELECT unnest(range(200)) AS n;", ".limit 3", "SELECT unnest(range(200)) AS n;", ".limit default",
            ".format csv", "SELECT unnest(range(200)) AS n;");
        Assert.Matches(@"^Only the first 100 rows are shown; \.limit N shows more, other formats all\.\n100 rows, .+\n3 rows, .+\n200 rows, .+\n$", error);
        Assert.Equal(100 + 3 + 200, output.Split('\n').Count(l => int.TryParse(l.Trim(), out _)));
    }

    [Fact]
    public void Several_statements_of_one_input_are_answered_in_their_order_and_an_error_is_told_and_ends_nothing()
    {
        (string output, string error) = Run(".format csv\nSELECT 1 AS a; SELECT nothing FROM allocations; COPY (SELECT 1) TO 'x';\n.nothing\nSELECT 2 AS b;");
        Assert.Equal("a\n1\nb\n2\n", output);
        Assert.Matches(@"^1 row, .+\nBinder Error: [\s\S]+\nLINE 1: SELECT nothing[^\n]*\n[^\n]*\^\na query can only read: [^\n]+\n"
            + @"no command \.nothing; \.help lists them\n1 row, .+\n$", error);
    }

    [Fact]
    public void A_view_runs_with_parameters_and_tells_that_stacks_are_missing()
    {
        Assert.Equal(0, _runner.Run("query", _directory["data"], "--view", "realloc_chains", "--set", "min_bytes=1"));
        string expected = _runner.Output;
        (string output, string error) = Run(".view realloc_chains min_bytes=1", ".view leak_suspects", ".view", ".view nothing", ".view peak x=1");
        Assert.StartsWith(expected, output, StringComparison.Ordinal);
        Assert.Contains("The dataset has no call stacks, which this asks for", error, StringComparison.Ordinal);
        Assert.Contains("\n.view: expected .view NAME [parameter=value …]\nno view nothing; there are ", error, StringComparison.Ordinal);
        Assert.EndsWith("\npeak has no parameters\n".Replace("\npeak", "; peak", StringComparison.Ordinal), error, StringComparison.Ordinal);
    }

    [Fact]
    public void Commands_tell_what_there_is()
    {
        (string output, string error) = Run(".help", ".tables", ".schema allocations", ".schema peak", ".views");
        Assert.Equal("", error);
        Assert.All(PromptCommands.All, c => Assert.Contains($"{c.Name} {c.Arguments}".TrimEnd(), output, StringComparison.Ordinal));
        Assert.All(QueryNames.Sources, s => Assert.Contains($"\n  {s} ", output, StringComparison.Ordinal));
        Assert.Matches(@"\n  alloc_ns +BIGINT +ns since start +\S", output);
        Assert.Contains("min_steps=1  count.", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(".format parquet", ".format parquet: expected table, csv, json, jsonl, md")]
    [InlineData(".format", ".format: expected .format table|csv|json|jsonl|md")]
    [InlineData(".limit -1", ".limit -1: expected 0 or more, or default")]
    [InlineData(".schema nothing", "no table or view nothing; .tables lists them")]
    [InlineData(".tables now", ".tables: expected nothing after it")]
    [InlineData(".\u001b[2J", "no command .\uFFFD[2J; .help lists them")]
    public void A_command_that_is_wrong_is_told_in_one_line(string command, string message) => Assert.Equal(("", message + "\n"), Run(command));

    [Theory]
    [InlineData(".quit")]
    [InlineData(".exit")]
    [InlineData("quit")]
    [InlineData("EXIT;")]
    public void It_can_be_left(string command) => Assert.Equal(("", ""), Run(command, "SELECT 1;"));

    [Fact]
    public void What_comes_from_the_dataset_commands_no_terminal() =>
        Assert.DoesNotContain('\e', Run("SELECT chr(27) || '[2J' AS \"a\u001b[2J\";", "SELECT chr(27) || nothing;").Output);

    /// <summary>
    /// The interruption comes from another thread once the statement runs: Interrupt says so. The source of a statement that has not begun with the engine is
    /// cancelled all the same. What came with it is dropped, the next input is run.
    /// </summary>
    [Fact]
    public async Task A_statement_is_interrupted_and_the_next_input_is_run()
    {
        var session = NewSession([$"{Endless} SELECT 1 AS dropped;", ".format csv", "SELECT 2 AS next;"]);
        Task running = Task.Run(session.Run);
        while (!session.Interrupt())
            Thread.Yield();
        await running;
        Assert.Equal("next\n2\n", _runner.Terminal.Out.ToString());
        Assert.StartsWith("interrupted\n1 row, ", _runner.Terminal.Error.ToString(), StringComparison.Ordinal);
        Assert.False(session.Interrupt());
    }

    [Fact]
    public async Task Where_the_command_is_to_end_the_statement_does_and_nothing_is_read_after_it()
    {
        using var ending = new CancellationTokenSource();
        var session = NewSession([Endless, "SELECT 1;"], ending.Cancel, ending.Token);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.Run(session.Run));
        Assert.Equal("", _runner.Terminal.Out.ToString());
    }

    private (string Output, string Error) Run(params string[] inputs)
    {
        _runner.Run("query", "--list-views", "--csv"); // what was written before is gone
        (int output, int error) = (_runner.Output.Length, _runner.Error.Length);
        NewSession(inputs).Run();
        return (_runner.Output[output..], _runner.Error[error..]);
    }

    private PromptSession NewSession(string[] inputs, Action? atFirst = null, CancellationToken token = default) => new(_query,
        new PromptSettings(QueryFormat.Table, null), new Inputs(inputs, atFirst), new History([], _ => { }), _runner.Terminal, token);

    /// <summary>Inputs, one after the other.</summary>
    private sealed class Inputs(string[] inputs, Action? atFirst) : IInputReader
    {
        private int _next;

        public string? Read()
        {
            if (_next == 0)
                atFirst?.Invoke();
            return _next < inputs.Length ? inputs[_next++] : null;
        }
    }
}
