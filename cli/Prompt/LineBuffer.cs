using System.Globalization;
using System.Text;

namespace AllocReplay.Cli.Prompt;

/// <summary>Text that is edited, over one line or several, and the cursor in it: before a character as a reader sees it, never inside one.</summary>
internal sealed class LineBuffer
{
    private readonly StringBuilder _text = new();
    private string? _string;
    private string _taken = "";

    public string Text => _string ??= _text.ToString();

    /// <summary>Chars before the cursor.</summary>
    public int Cursor { get; private set; }

    public bool IsEmpty => _text.Length == 0;

    /// <summary>Whether the cursor is in the first line.</summary>
    public bool IsInFirstLine => LineStart == 0;

    /// <summary>Whether the cursor is in the last line.</summary>
    public bool IsInLastLine => LineEnd == _text.Length;

    private int LineStart => Cursor == 0 ? 0 : Text.LastIndexOf('\n', Cursor - 1) + 1;

    private int LineEnd => Text.IndexOf('\n', Cursor) is >= 0 and var end ? end : Text.Length;

    /// <summary>Has another text, with the cursor at its end.</summary>
    public void Set(string text)
    {
        _text.Clear().Append(text);
        _string = null;
        Cursor = text.Length;
    }

    public void Insert(string text)
    {
        _text.Insert(Cursor, text);
        _string = null;
        Cursor += text.Length;
    }

    /// <summary>Replaces what is before the cursor.</summary>
    /// <param name="length">Chars that go.</param>
    /// <param name="text">What comes.</param>
    public void Replace(int length, string text)
    {
        Remove(Cursor - length, Cursor);
        Insert(text);
    }

    public void Left() => Cursor = Before(Cursor);

    public void Right() => Cursor = After(Cursor);

    public void WordLeft() => Cursor = WordBefore();

    public void WordRight() => Cursor = WordAfter();

    public void Home() => Cursor = LineStart;

    public void End() => Cursor = LineEnd;

    /// <summary>To the line above, as many characters from its start; to its end where it is shorter.</summary>
    public void Up()
    {
        int start = LineStart, column = Cursor - start;
        if (start == 0)
            return;
        Cursor = start - 1;
        To(LineStart, column);
    }

    /// <summary>To the line below, as <see cref="Up"/>.</summary>
    public void Down()
    {
        int column = Cursor - LineStart, end = LineEnd;
        if (end == _text.Length)
            return;
        Cursor = end + 1;
        To(Cursor, column);
    }

    public void Backspace() => Remove(Before(Cursor), Cursor);

    public void Delete() => Remove(Cursor, After(Cursor));

    /// <summary>Takes the line up to the cursor; at its start, the line break before it.</summary>
    public void DeleteToStart() => Take(LineStart is var start && start == Cursor ? Before(Cursor) : start, Cursor);

    /// <summary>Takes the line from the cursor on; at its end, the line break.</summary>
    public void DeleteToEnd() => Take(Cursor, LineEnd is var end && end == Cursor ? After(Cursor) : end);

    public void DeleteWordLeft() => Take(WordBefore(), Cursor);

    public void DeleteWordRight() => Take(Cursor, WordAfter());

    /// <summary>Inserts what was taken last.</summary>
    public void PutBack() => Insert(_taken);

    private void To(int start, int column)
    {
        Cursor = start;
        int end = LineEnd, at = start;
        while (at < end && After(at) - start <= column)
            at = After(at);
        Cursor = at;
    }

    private void Take(int from, int to)
    {
        if (from < to)
            _taken = Text[from..to];
        Remove(from, to);
    }

    private void Remove(int from, int to)
    {
        _text.Remove(from, to - from);
        _string = null;
        Cursor = from;
    }

    private int After(int at) => at >= _text.Length ? _text.Length : at + StringInfo.GetNextTextElementLength(Text, at);

    /// <summary>Where a character begins is known from its line's start only: what stands before may belong to it.</summary>
    private int Before(int at)
    {
        if (at == 0)
            return 0;
        int before = at < 2 ? 0 : Text.LastIndexOf('\n', at - 2) + 1;
        for (int next = After(before); next < at; next = After(before))
            before = next;
        return before;
    }

    private int WordBefore()
    {
        int at = Cursor;
        while (at > 0 && !IsWord(Text[at - 1]))
            at--;
        while (at > 0 && IsWord(Text[at - 1]))
            at--;
        return at;
    }

    private int WordAfter()
    {
        int at = Cursor;
        while (at < _text.Length && !IsWord(Text[at]))
            at++;
        while (at < _text.Length && IsWord(Text[at]))
            at++;
        return at;
    }

    /// <summary>Letters with what is put on them, and the halves of those beyond 16 bits: none is cut in two.</summary>
    private static bool IsWord(char c) => char.IsLetterOrDigit(c) || c == '_' || char.IsSurrogate(c) || c == '\u200d'
        || char.GetUnicodeCategory(c) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark;
}
