using AllocReplay.Analyzer.Tables;
using AllocReplay.Cli.Prompt;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary>The editor of the prompt, driven by keys against a terminal in memory: what is read, and what is on the screen.</summary>
public sealed class LineEditorTests
{
    private const int Seed = 20_260_716;

    private const string First = "query> ", Next = "  ...> ";

    private static readonly string[] Earlier = ["SELECT 1;", "SELECT\n  2;", ".tables"];

    private readonly ScreenTerminal _terminal = new(40, 10);

    [Theory]
    [InlineData("SELECT 1;\r", "SELECT 1;")]
    [InlineData("SELECT 1\r;\r", "SELECT 1\n;")]
    [InlineData(".tables\r", ".tables")]
    [InlineData("quit\r", "quit")]
    [InlineData("\r", "")]
    [InlineData("ac\e[Db\e[F;\r", "abc;")]
    [InlineData("bc;\u0001a\r", "abc;")]
    [InlineData("xabc;\e[H\e[3~\r", "abc;")]
    [InlineData("xabc;\u0001\u0004\r", "abc;")]
    [InlineData("abc;x\u007f\r", "abc;")]
    [InlineData("one two\u0017three;\r", "one three;")]
    [InlineData("one two;\eb\eb\u000bx;\r", "x;")]
    [InlineData("one two;\u0015x;\r", "x;")]
    [InlineData("one two;\u0001\u000b\u0019\u0019\r", "one two;one two;")]
    [InlineData("one two;\u0001\ed\r", " two;")]
    [InlineData("one two;\u0001\e[1;5C!\r", "one! two;")]
    [InlineData("a語👩‍👩‍👧e\u0301;\e[D\u007f\u007f\r", "a語;")] // a character is what a reader sees as one
    [InlineData("a語👩‍👩‍👧e\u0301;\e[D\e[D\e[D\e[3~\r", "a語e\u0301;")]
    [InlineData("\e[200~SELECT 1;\nSELECT 'a\tb';\n\e[201~\r", "SELECT 1;\nSELECT 'a\tb';\n")]
    [InlineData("ab\rcd\e[A!\e[B?;\r", "ab!\ncd?;")]
    [InlineData("ab\r\u0015c;\r", "abc;")]
    [InlineData("SELECT x\u0003", "")]
    [InlineData("\u0004", null)]
    public void Keys_edit(string keys, string? read)
    {
        _terminal.Press(keys);
        Assert.Equal(read, NewEditor(_terminal).Read());
        Assert.False(_terminal.IsEditing);
    }

    [Theory]
    [InlineData("\e[A\r", ".tables")]
    [InlineData("\e[A\e[A\r", "SELECT\n  2;")]
    [InlineData("\e[A\e[A\e[A\e[A\e[A\r", "SELECT 1;")] // up in an entry of two lines, then on
    [InlineData("draft;\e[A\e[B\r", "draft;")]
    [InlineData("draft;\e[A\u0010\u000e\u000e\r", "draft;")]
    [InlineData("\u0010\u0010\u0010\u0010\u0010\r", "SELECT 1;")]
    [InlineData("\e[B\e[Bx;\r", "x;")]
    public void Arrows_go_through_what_was_typed_before(string keys, string read)
    {
        _terminal.Press(keys);
        Assert.Equal(read, NewEditor(_terminal).Read());
    }

    [Fact]
    public void What_is_typed_is_shown_with_prompts_and_the_cursor_in_its_place()
    {
        Show("SELECT 語\rFROM t\e[D");
        Assert.Equal(["query> SELECT 語", "  ...> FROM t"], _terminal.Shown);
        Assert.Equal((1, 12), _terminal.ShownCursor);
    }

    [Fact]
    public void What_is_longer_than_a_row_goes_on_in_the_next()
    {
        Show(new string('a', 33));
        Assert.Equal(["query> " + new string('a', 33), ""], _terminal.Shown);
        Assert.Equal((1, 0), _terminal.ShownCursor);
    }

    [Fact]
    public void No_half_of_a_wide_character_is_at_the_end_of_a_row()
    {
        Show(new string('a', 32) + "語b\u0002\u0002\u0002");
        Assert.Equal(["query> " + new string('a', 32), "語b"], _terminal.Shown);
        Assert.Equal((0, 38), _terminal.ShownCursor);
    }

    [Fact]
    public void What_is_higher_than_the_terminal_is_shown_about_the_cursor()
    {
        string lines = string.Concat(Enumerable.Range(0, 30).Select(i => $"line {i}\r"));
        Show(lines);
        Assert.Equal([.. Enumerable.Range(21, 9).Select(i => $"  ...> line {i}"), "  ...>"], _terminal.Shown);
        var terminal = new ScreenTerminal(40, 10);
        terminal.Press(lines + string.Concat(Enumerable.Repeat("\e[A", 30)));
        Assert.Throws<OperationCanceledException>(() => NewEditor(terminal).Read());
        Assert.Equal(["query> line 0", .. Enumerable.Range(1, 9).Select(i => $"  ...> line {i}")], terminal.Shown);
        Assert.Equal((0, 7), terminal.ShownCursor);
    }

    [Theory]
    [InlineData(20)]
    [InlineData(15)]
    [InlineData(60)]
    [InlineData(3)]
    public void A_terminal_of_another_width_is_painted_anew_and_nothing_above_is_lost(int width)
    {
        _terminal.Write("above\r\n");
        _terminal.Press("SELECT a, b, c, d, e, f, g, h, i\rFROM t");
        _terminal.Resize(width, 40);
        Show("\u0002");
        string[] prompts = width < 14 ? ["", ""] : ["query> ", "  ...> "];
        string[] lines = ["above", prompts[0] + "SELECT a, b, c, d, e, f, g, h, i", prompts[1] + "FROM t"];
        string[] expected = [.. lines.SelectMany(l => l.Chunk(width).Select(c => new string(c).TrimEnd()))];
        Assert.Equal(expected, _terminal.Shown.Take(expected.Length));
        Assert.All(_terminal.Shown.Skip(expected.Length), r => Assert.Equal("", r));
    }

    [Fact]
    public void Nothing_that_is_pasted_commands_the_terminal()
    {
        Show("\e[200~a\u0007\u009b2J\u202eb\tc\e[201~"); // the screen fails on a control
        Assert.Equal(["query> a2J\uFFFDb    c"], _terminal.Shown);
    }

    [Fact]
    public void Nothing_that_is_recalled_commands_the_terminal()
    {
        _terminal.Press("\e[A");
        Assert.Throws<OperationCanceledException>(() => NewEditor(_terminal, new History(["x\e]0;title\u0007"], _ => { })).Read());
        Assert.Equal(["query> x\uFFFD]0;title\uFFFD"], _terminal.Shown);
    }

    [Fact]
    public void The_line_is_shown_whole_and_left_below_where_it_ends()
    {
        _terminal.Press("SELECT\r1;\e[A\u0001\r");
        Assert.Equal("SELECT\n1;", NewEditor(_terminal).Read());
        Assert.Equal(["query> SELECT", "  ...> 1;", ""], _terminal.Rows);
        Assert.Equal((2, 0), _terminal.Cursor);
        _terminal.Press("dropped\u0003");
        NewEditor(_terminal).Read();
        Assert.Equal("query> dropped^C", _terminal.Rows[2]);
    }

    [Fact]
    public void Ctrl_L_leaves_the_line_alone_on_the_screen()
    {
        _terminal.Write("above\r\n");
        Show("SELECT\u000c 1");
        Assert.Equal("query> SELECT 1", _terminal.Shown[0]);
        Assert.DoesNotContain("above", _terminal.Shown);
    }

    [Fact]
    public void Ctrl_Z_suspends_and_the_line_is_there_again()
    {
        Show("SELECT 1\u0002\u001a");
        Assert.Equal(1, _terminal.Suspended);
        Assert.Equal(["query> SELECT 1", "query> SELECT 1"], _terminal.Shown);
        Assert.Equal((1, 14), _terminal.ShownCursor);
    }

    [Theory]
    [InlineData("SELECT siz\t;\r", "SELECT size;")]
    [InlineData("SELECT * FROM alloc\t;\r", "SELECT * FROM allocations;")]
    [InlineData("SELECT * FROM s\tt\t;\r", "SELECT * FROM stack;")] // several: as far as they agree
    [InlineData("SELECT lo FROM markers;\u0001\ef\ef\t\r", "SELECT lo FROM markers;")] // no column of that table
    [InlineData("SELECT ste FROM leak_suspects;\u0001\ef\ef\t\r", "SELECT steps_up FROM leak_suspects;")] // a column of a view
    [InlineData("SELECT 'siz\t';\r", "SELECT 'siz';")]
    [InlineData(".he\t\r", ".help ")]
    [InlineData(".format j\tl\t\r", ".format jsonl")]
    [InlineData(".view leak\tmin_by\t1M\r", ".view leak_suspects min_bytes=1M")]
    [InlineData(".schema even\t\r", ".schema events")]
    [InlineData("\tSELECT 1;\r", "  SELECT 1;")]
    public void Tab_completes(string keys, string read)
    {
        _terminal.Press(keys);
        Assert.Equal(read, NewEditor(_terminal).Read());
    }

    [Fact]
    public void Tab_lists_what_may_stand_there_and_goes_on()
    {
        Show(".v\t\t");
        Assert.Equal(["query> .view", ".view   .views", "query> .view"], _terminal.Shown);
    }

    [Fact]
    public void Where_reading_is_ended_the_terminal_is_as_it_was()
    {
        Show("SELECT 1");
        Assert.False(_terminal.IsEditing);
        Assert.Equal((1, 0), _terminal.Cursor);
    }

    /// <summary>Random edits on terminals of random sizes: what was painted step by step is what one painting of the same text shows.</summary>
    [Fact]
    public void Whatever_is_edited_the_screen_shows_the_text_and_the_cursor()
    {
        Action<LineBuffer>[] edits =
        [
            b => b.Insert("a"), b => b.Insert("語"), b => b.Insert("long word "), b => b.Insert("x\ny"), b => b.Insert("\n"), b => b.Insert("\t"), b => b.Up(),
            b => b.Down(), b => b.Left(), b => b.Right(), b => b.WordLeft(), b => b.WordRight(), b => b.Home(), b => b.End(),
            b => b.Backspace(), b => b.Delete(),
            b => b.DeleteToStart(), b => b.DeleteToEnd(), b => b.DeleteWordLeft(), b => b.DeleteWordRight(), b => b.PutBack(),
        ];
        var random = new Random(Seed);
        for (int run = 0; run < 500; run++)
        {
            (int width, int height) = (random.Next(1, 50), random.Next(1, 12));
            ScreenTerminal stepwise = new(width, height), once = new(width, height);
            var painter = new LinePainter(stepwise, First, Next);
            var buffer = new LineBuffer();
            for (int i = 0; i < 60; i++)
            {
                edits[random.Next(edits.Length)](buffer);
                painter.Paint(buffer.Text, buffer.Cursor);
            }
            new LinePainter(once, First, Next).Paint(buffer.Text, buffer.Cursor);
            Assert.True(once.Rows.SequenceEqual(stepwise.Rows) && once.Cursor == stepwise.Cursor,
                $"seed {Seed}, run {run}, {width} × {height}:\n{string.Join('\n', once.Rows)}\n---\n{string.Join('\n', stepwise.Rows)}");
        }
    }

    private void Show(string keys)
    {
        _terminal.Press(keys);
        Assert.Throws<OperationCanceledException>(() => NewEditor(_terminal).Read());
    }

    private static LineEditor NewEditor(ScreenTerminal terminal, History? history = null) => new(terminal, new LinePainter(terminal, First, Next),
        history ?? new History(Earlier, _ => { }), new QueryCompleter(source => source == "leak_suspects" ? ["steps_up", "function"]
            : [.. DatasetTables.All.Single(t => t.Name == source).Columns.Select(c => c.Name)]).At);
}
