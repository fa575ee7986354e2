using System.Text.Json;
using AllocReplay.Analyzer.Passes;
using AllocReplay.Analyzer.Query;
using AllocReplay.Cli;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Formats.Stacks;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary>Names of functions are a stranger's: they come whole through the dataset and every form that <c>query</c> prints.</summary>
public sealed class HostileSymbolTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _runner = new();

    public void Dispose()
    {
        _runner.Dispose();
        _directory.Dispose();
    }

    public static TheoryData<string> Names => new(
        "'quotes\"and`more",
        "<script>alert('x')</script>&amp;",
        "lines\nand\r\nreturns\ttabs",
        "zero\0inside, escape\e[2J\e]0;t\a, \u009b31m\u2028\u202e",
        "operator<<, \"a\",\"b\" < c|d;e",
        "名前::関数<😀>",
        "[red]markup[/]",
        "NULL",
        " ",
        new string('x', 1 << 20));

    [Theory, MemberData(nameof(Names))]
    public void A_name_comes_back_as_it_was(string name) => AssertComesBack(name, name);

    [Theory]
    [InlineData(0xd800, "ab\uFFFDc")]
    [InlineData(0xdc00, "ab\uFFFDc")]
    public void Half_a_surrogate_is_replaced(int half, string expected) => AssertComesBack($"ab{(char)half}c", expected);

    /// <summary>Names in a trace are bytes: those that are no UTF-8 are replaced when they are read.</summary>
    [Fact]
    public void Bytes_that_are_no_utf8_are_replaced()
    {
        SampleStacks.Write(_directory["trace"], SampleStacks.Of((0x500, [new("QQQQ", "", "", 0)])));
        string symbols = _directory[$"trace/{RecordingWriter.ImageName}/symbols.msgpack"];
        byte[] bytes = File.ReadAllBytes(symbols);
        bytes[bytes.AsSpan().IndexOf("QQQQ"u8) + 1] = 0xff;
        File.WriteAllBytes(symbols, bytes);
        SampleTrace.Analyze(_directory["trace"], _directory["data"]);
        using DatasetQuery query = DatasetQuery.Open(_directory["data"]);
        Assert.Equal(["Q\uFFFDQQ"], query.Run("SELECT function FROM frames WHERE has_symbol").ReadRow()!);
    }

    private void AssertComesBack(string name, string expected)
    {
        SymbolTable symbols = SampleStacks.Of((0x500, [new(name, name, name, 1)]));
        SampleStacks.Write(_directory["trace"], symbols);
        using (TraceReader reader = TraceReader.Open(_directory["trace"]))
            Analysis.RunAsync(reader, new AnalysisOptions { Directory = _directory["data"], Symbols = _ => symbols }).GetAwaiter().GetResult();
        using DatasetQuery query = DatasetQuery.Open(_directory["data"]);
        Assert.Equal([expected, expected, expected], query.Run("SELECT function, linkage_name, file FROM frames WHERE has_symbol").ReadRow()!);
        Assert.Equal([expected, expected], query.Run("SELECT function, file FROM sites WHERE file <> ''").ReadRow()!);
        // On one line, and short, whatever the name is.
        string text = (string)query.Run("SELECT text FROM stacks WHERE stack = 7").ReadRow()![0]!;
        Assert.DoesNotContain(text, char.IsControl);
        Assert.InRange(text.Length, 1, 300);
        Assert.EndsWith(" < shop+0x200 < libc.so.6+0x100", text, StringComparison.Ordinal);

        const string Sql = "SELECT function FROM frames WHERE has_symbol";
        Assert.Equal(ExitCode.Ok, _runner.Run("query", _directory["data"], Sql, "--csv"));
        Assert.Equal($"function\n{QueryOutput.CsvField(expected)}\n", _runner.Output);
        Assert.Equal(ExitCode.Ok, _runner.Run("query", _directory["data"], Sql, "--json"));
        using JsonDocument json = JsonDocument.Parse(_runner.Output);
        Assert.Equal(expected, json.RootElement[0].GetProperty("function").GetString());
        Assert.Equal(ExitCode.Ok, _runner.Run("query", _directory["data"], Sql));
        Assert.DoesNotContain(_runner.Output, c => char.IsControl(c) && c != '\n');
    }
}
