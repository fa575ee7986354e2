using System.Globalization;
using System.Text;
using AllocReplay.Cli.Prompt;

namespace AllocReplay.Tests.Support;

/// <summary>
/// A terminal in memory: keys that were struck beforehand, and a screen that does what xterm does with the text and the few sequences that a line is painted
/// with. A sequence that it does not know fails.
/// </summary>
internal sealed class ScreenTerminal(int width, int height) : ILineTerminal
{
    private readonly Queue<(Key Key, int Width)> _keys = [];
    private readonly KeyDecoder _decoder = new();
    private readonly List<string[]> _rows = [new string[width]];
    private int _row, _column, _rowsThen, _resumed;
    private bool _isFull; // the last column was written, and the next character goes to the next row

    public int Width { get; private set; } = width;
    public int Height { get; private set; } = height;
    public bool HasKey => false;

    /// <summary>Whether keys are taken as they are struck, and pasted text between marks.</summary>
    public bool IsEditing { get; private set; }
    public bool MarksPastes { get; private set; }
    public int Suspended { get; private set; }

    /// <summary>The rows and the cursor as they were when there was no key left.</summary>
    public IReadOnlyList<string> Shown { get; private set; } = [];
    public (int Row, int Column) ShownCursor { get; private set; }

    /// <summary>Rows above the screen, and those of the screen, without blanks at their ends.</summary>
    public IReadOnlyList<string> Rows => [.. _rows.Select(r => string.Concat(r.Select(c => c ?? " ")).TrimEnd())];

    /// <summary>The row that the cursor is in, among <see cref="Rows"/>, and its column.</summary>
    public (int Row, int Column) Cursor => (_row, _column);

    /// <summary>Strikes keys, as the bytes that a terminal sends.</summary>
    public void Press(string bytes) => Press(Encoding.UTF8.GetBytes(bytes));

    public void Press(ReadOnlySpan<byte> bytes)
    {
        foreach (Key key in _decoder.Feed(bytes))
            _keys.Enqueue((key, 0));
    }

    /// <summary>Has the terminal another size, after the keys that were struck until now.</summary>
    public void Resize(int columns, int rows)
    {
        _keys.Enqueue((new Key(KeyKind.Resized), columns));
        _rowsThen = rows;
    }

    public Key ReadKey()
    {
        if (Suspended > _resumed)
        {
            _resumed++;
            return new Key(KeyKind.Resumed);
        }
        if (!_keys.TryDequeue(out (Key Key, int Width) next))
        {
            (Shown, ShownCursor) = (Rows, Cursor);
            throw new OperationCanceledException("no key is left");
        }
        if (next.Width > 0)
        {
            Height = _rowsThen;
            Reflow(next.Width);
        }
        return next.Key;
    }

    public void Begin() => IsEditing = true;

    public void End() => IsEditing = false;

    public void Suspend()
    {
        IsEditing = false;
        Suspended++;
    }

    public void Write(string text)
    {
        for (int at = 0; at < text.Length;)
        {
            if (text[at] == '\e')
            {
                at = Obey(text, at);
                continue;
            }
            string element = StringInfo.GetNextTextElement(text, at);
            at += element.Length;
            Put(element);
        }
    }

    private void Put(string element)
    {
        switch (element)
        {
            case "\r":
                (_column, _isFull) = (0, false);
                return;
            case "\n":
                Down();
                return;
            case "\r\n":
                (_column, _isFull) = (0, false);
                Down();
                return;
        }
        Assert.False(element.Any(char.IsControl), $"a control on the terminal: {(int)element[0]:x}");
        int columns = element[0] is >= '\u1100' ? 2 : 1; // of what tests write, all beyond is wide
        if (element[0] == '\uFFFD')
            columns = 1;
        if (_isFull || _column + columns > Width)
        {
            (_column, _isFull) = (0, false);
            Down();
        }
        _rows[_row][_column] = element;
        if (columns == 2)
            _rows[_row][_column + 1] = "";
        _column += columns;
        if (_column == Width)
            (_column, _isFull) = (Width - 1, true);
    }

    private void Down()
    {
        if (++_row == _rows.Count)
            _rows.Add(new string[Width]);
    }

    private int Obey(string text, int at)
    {
        int end = at + 2;
        while (!char.IsAsciiLetter(text[end]))
            end++;
        string parameter = text[(at + 2)..end];
        int n = int.TryParse(parameter, out int number) ? number : 1;
        switch (text[end])
        {
            case 'A':
                _row = Math.Max(Math.Max(0, _rows.Count - Height), _row - n);
                _isFull = false;
                break;
            case 'C':
                _column = Math.Min(Width - 1, _column + n);
                _isFull = false;
                break;
            case 'H':
                (_row, _column, _isFull) = (Math.Max(0, _rows.Count - Height), 0, false);
                break;
            case 'J':
                if (parameter == "2")
                    _rows.RemoveRange(Math.Max(0, _rows.Count - Height), Math.Min(Height, _rows.Count));
                else
                    _rows.RemoveRange(_row + 1, _rows.Count - _row - 1);
                if (_row >= _rows.Count)
                    _rows.Add(new string[Width]);
                Array.Clear(_rows[_row], _column, Width - _column);
                break;
            case 'h' or 'l' when parameter == "?2004":
                MarksPastes = text[end] == 'h';
                break;
            default:
                Assert.Fail($"unknown sequence {text[(at + 1)..(end + 1)]}");
                break;
        }
        return end + 1;
    }

    /// <summary>Breaks rows that are too long anew, as most terminals do; the cursor stays at its character.</summary>
    private void Reflow(int columns)
    {
        var rows = new List<string[]>();
        (int row, int column) = (0, 0);
        for (int i = 0; i < _rows.Count; i++)
        {
            int used = Math.Max(1, Array.FindLastIndex(_rows[i], c => c is not null) + 1);
            if (i == _row)
                (row, column) = (rows.Count + _column / columns, _column % columns);
            for (int from = 0; from < used; from += columns)
            {
                var part = new string[columns];
                _rows[i].AsSpan(from, Math.Min(columns, _rows[i].Length - from)).CopyTo(part);
                rows.Add(part);
            }
            if (i == _row)
                while (rows.Count <= row)
                    rows.Add(new string[columns]);
        }
        _rows.Clear();
        _rows.AddRange(rows);
        (_row, _column, Width, _isFull) = (row, column, columns, false);
    }
}
