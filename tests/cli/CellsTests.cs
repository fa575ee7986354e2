using AllocReplay.Cli.Output;
using AllocReplay.Cli.Pages;

namespace AllocReplay.Tests.Cli;

/// <summary>Tables that are wider than the page come in parts.</summary>
public sealed class CellsTests
{
    // With the blanks that go with a column: names 10, then 20 each.
    private static readonly Cells Table = new(
        [new('n', 7), .. Enumerable.Range(0, 4).Select(i => new string((char)('a' + i), 17))], [["", "", "", "", ""]], IsNumeric: false);

    [Theory]
    [InlineData(91, "1234")]
    [InlineData(90, "12 34")]
    [InlineData(51, "12 34")]
    [InlineData(50, "1 2 3 4")]
    [InlineData(5, "1 2 3 4")] // a column is not cut
    public void Each_part_has_the_names_and_as_few_there_are_as_fit(int width, string expected)
    {
        IReadOnlyList<int[]> parts = Table.Parts(width);
        Assert.All(parts, p => Assert.Equal(0, p[0]));
        Assert.Equal(expected, string.Join(' ', parts.Select(p => string.Concat(p.Skip(1)))));
    }

    [Theory]
    [InlineData(91)]
    [InlineData(51)]
    public void No_line_is_wider_than_the_page(int width)
    {
        using var output = new StringWriter();
        foreach (int[] part in Table.Parts(width))
        {
            var cells = new Cells([.. part.Select(c => Table.Heads[c])], [[.. part.Select(_ => "")]], IsNumeric: false);
            cells.Print(new Terminal(output, TextWriter.Null));
        }
        Assert.Equal(width, output.ToString().Split('\n').Max(l => l.Length));
    }

    [Fact]
    public void A_cell_counts_as_its_heading_does()
    {
        var cells = new Cells(["", "x", "y"], [["", new string('x', 30), new string('y', 30)]], IsNumeric: false);
        Assert.Single(cells.Parts(70));
        Assert.Equal(2, cells.Parts(69).Count);
    }
}
