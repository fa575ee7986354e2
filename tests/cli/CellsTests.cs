using AllocReplay.Cli.Pages;

namespace AllocReplay.Tests.Cli;

/// <summary>Tables that are wider than the page come in parts.</summary>
public sealed class CellsTests
{
    // With the blanks that go with a column: names 10, then 20 each.
    private static readonly Cells Table = new(
        [new('n', 7), .. Enumerable.Range(0, 4).Select(i => new string((char)('a' + i), 17))], [["", "", "", "", ""]], IsNumeric: false);

    [Theory]
    [InlineData(90, "1234")]
    [InlineData(89, "12 34")]
    [InlineData(50, "12 34")]
    [InlineData(49, "1 2 3 4")]
    [InlineData(5, "1 2 3 4")] // a column is not cut
    public void Each_part_has_the_names_and_as_few_there_are_as_fit(int width, string expected)
    {
        IReadOnlyList<int[]> parts = Table.Parts(width);
        Assert.All(parts, p => Assert.Equal(0, p[0]));
        Assert.Equal(expected, string.Join(' ', parts.Select(p => string.Concat(p.Skip(1)))));
    }

    [Fact]
    public void A_cell_counts_as_its_heading_does()
    {
        var cells = new Cells(["", "x", "y"], [["", new string('x', 30), new string('y', 30)]], IsNumeric: false);
        Assert.Single(cells.Parts(69));
        Assert.Equal(2, cells.Parts(68).Count);
    }
}
