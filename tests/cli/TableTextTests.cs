using AllocReplay.Cli.Output;
using AllocReplay.Tests.Support;
using Spectre.Console;

namespace AllocReplay.Tests.Cli;

/// <summary>Cells hold what a program calls its functions and threads: it is shown as it is.</summary>
public sealed class TableTextTests : IDisposable
{
    private readonly CommandRunner _runner = new();

    public void Dispose() => _runner.Dispose();

    [Theory]
    [InlineData("std::thread::_State_impl", "std::thread::_State_impl")] // no picture of a thread
    [InlineData("[red]x[/]", "[red]x[/]")]
    [InlineData("a\e[31mb\nc", "a\ufffd[31mb⏎c")]
    public void A_cell_is_text_and_nothing_else(string cell, string shown)
    {
        Table table = Terminal.NewTable((cell, Justify.Left));
        table.Add(cell);
        _runner.Terminal.Write(table);
        Assert.Equal(2, _runner.Output.Split('\n').Count(l => l.Trim() == shown));
    }

    /// <summary>The last column takes what is left, and no other is broken for it.</summary>
    [Theory]
    [InlineData(60)]
    [InlineData(100)]
    public void A_page_is_no_wider_than_it_may_be(int width)
    {
        Table table = FittedTable.Of([("module", Justify.Left), ("places", Justify.Right), ("symbols", Justify.Left)],
            [["libc.so.6", "12,345", new string('x', 300)], ["a", "1", "y"]], width);
        _runner.Terminal.Write(table, width);
        string[] lines = _runner.Output.TrimEnd('\n').Split('\n');
        Assert.All(lines, l => Assert.InRange(l.Length, 0, width));
        Assert.Contains(lines, l => l.Contains("libc.so.6", StringComparison.Ordinal) && l.Contains("12,345", StringComparison.Ordinal) && l.EndsWith('…'));
    }
}
