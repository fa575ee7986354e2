using System.Globalization;
using System.Text;
using AllocReplay.Cli.Output;
using Spectre.Console;

namespace AllocReplay.Cli.Prompt;

/// <summary>
/// Paints what is edited: a prompt before the first line, another before those that go on, and rows broken where the terminal ends. Rows are broken here and
/// not by the terminal, so that it is known where the cursor is.
/// </summary>
internal sealed class LinePainter(ILineTerminal terminal, string prompt, string continuation)
{
    private const string ClearBelow = "\e[J", ClearAll = "\e[H\e[2J", NewRow = "\r\n";

    /// <summary>A tab is shown as so many blanks: where the terminal's stops are is not asked.</summary>
    private const string Tab = "    ";

    private int[] _widths = []; // of the rows on the terminal
    private (int Row, int Column) _cursor; // among them

    /// <summary>Begins on a row of which nothing is to be kept.</summary>
    public void Start() => (_widths, _cursor) = ([], default);

    /// <param name="text">What is edited.</param>
    /// <param name="at">Chars of it before the cursor.</param>
    public void Paint(string text, int at)
    {
        int width = terminal.Width, height = terminal.Height;
        (List<Row> rows, (int Row, int Column) cursor) = Layout(text, at, width);
        // What is higher than the terminal shows the rows about the cursor.
        int first = Math.Clamp(cursor.Row - height / 2, 0, Math.Max(0, rows.Count - height));
        List<Row> shown = rows.GetRange(first, Math.Min(height, rows.Count));
        var page = new StringBuilder();
        ToTop(page);
        page.Append(ClearBelow).AppendJoin(NewRow, shown.Select(r => r.Text));
        int up = shown.Count - 1 - (cursor.Row - first);
        page.Append(up > 0 ? $"\e[{up}A" : "").Append('\r').Append(cursor.Column > 0 ? $"\e[{cursor.Column}C" : "");
        (_widths, _cursor) = ([.. shown.Select(r => r.Width)], (cursor.Row - first, cursor.Column));
        terminal.Write(page.ToString());
    }

    /// <summary>Paints it once more, and goes to a row below.</summary>
    /// <param name="text">What was edited.</param>
    /// <param name="mark">Follows it, such as ^C.</param>
    public void Finish(string text, string mark = "")
    {
        Paint(text, text.Length);
        terminal.Write(mark + NewRow);
        Start();
    }

    /// <summary>Clears the terminal.</summary>
    public void Clear()
    {
        terminal.Write(ClearAll);
        Start();
    }

    /// <summary>
    /// The terminal has become narrower or wider: most break rows that are too long for it anew, so that the cursor is further below. Those that cut rows
    /// instead lose lines above the prompt.
    /// </summary>
    public void Resize()
    {
        int width = terminal.Width;
        int above = _widths.Take(_cursor.Row).Sum(w => Math.Max(1, (w + width - 1) / width));
        _cursor = (above + _cursor.Column / width, _cursor.Column % width);
    }

    private void ToTop(StringBuilder page) => page.Append(_cursor.Row > 0 ? $"\e[{_cursor.Row}A" : "").Append('\r');

    private (List<Row> Rows, (int Row, int Column) Cursor) Layout(string text, int cursor, int width)
    {
        bool isNarrow = width < 2 * Math.Max(prompt.Length, continuation.Length);
        var rows = new List<Row>();
        NextRow(isNarrow ? "" : prompt);
        (int Row, int Column) place = default;
        for (int at = 0; at < text.Length;)
        {
            int length = text[at] < 0x300 && at + 1 < text.Length && text[at + 1] < 0x300 ? 1 : StringInfo.GetNextTextElementLength(text, at);
            bool isBreak = text[at] == '\n';
            string shown = isBreak ? "" : Shown(text, at, length);
            int columns = isBreak ? 0 : WidthOf(shown);
            if (rows[^1].Width + columns > width || (isBreak && at == cursor && rows[^1].Width == width))
                NextRow("");
            if (at == cursor)
                place = (rows.Count - 1, rows[^1].Width);
            if (isBreak)
                NextRow(isNarrow ? "" : continuation);
            else if (columns <= width)
                rows[^1].Append(shown, columns);
            at += length;
        }
        if (cursor == text.Length)
        {
            if (rows[^1].Width >= width)
                NextRow("");
            place = (rows.Count - 1, rows[^1].Width);
        }
        return (rows, place);

        void NextRow(string head)
        {
            rows.Add(new Row());
            rows[^1].Append(head, head.Length);
        }
    }

    /// <summary>A character as it is shown: none commands the terminal.</summary>
    private static string Shown(string text, int at, int length) => length == 1 && text[at] == '\t' ? Tab : TextLine.Plain(text.Substring(at, length));

    private static int WidthOf(string shown) => shown.Length == 1 && shown[0] < 0x300 ? 1 : Math.Clamp(shown.GetCellWidth(), 0, shown == Tab ? Tab.Length : 2);

    private sealed class Row
    {
        private readonly StringBuilder _text = new();

        public int Width { get; private set; }
        public string Text => _text.ToString();

        public void Append(string text, int columns)
        {
            _text.Append(text);
            Width += columns;
        }
    }
}
