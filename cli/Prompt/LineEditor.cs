using AllocReplay.Cli.Output;

namespace AllocReplay.Cli.Prompt;

/// <summary>Input that is edited on the terminal, over as many lines as it takes, with what was typed before and with completion.</summary>
/// <param name="terminal">Where.</param>
/// <param name="painter">Paints it.</param>
/// <param name="history">What was typed before.</param>
/// <param name="complete">What may stand at a cursor: the text, and the chars before it.</param>
internal sealed class LineEditor(ILineTerminal terminal, LinePainter painter, History history, Func<string, int, Completion> complete) : IInputReader
{
    /// <summary>What Tab inserts where there is nothing to complete.</summary>
    private const string Indent = "  ";

    private readonly LineBuffer _buffer = new();

    public string? Read()
    {
        _buffer.Set("");
        history.Begin();
        terminal.Begin();
        painter.Start();
        bool isRead = false;
        try
        {
            string? text = null;
            while (!isRead)
            {
                if (!terminal.HasKey)
                    painter.Paint(_buffer.Text, _buffer.Cursor);
                isRead = Obey(terminal.ReadKey(), ref text);
            }
            return text;
        }
        finally
        {
            if (!isRead)
                painter.Finish(_buffer.Text);
            terminal.End();
        }
    }

    /// <returns>Whether the input has ended; then the text is what it is.</returns>
    private bool Obey(Key key, ref string? text)
    {
        switch (key.Kind)
        {
            case KeyKind.Enter when InputSplitter.Split(_buffer.Text).Rest.Length == 0:
                text = _buffer.Text;
                painter.Finish(_buffer.Text);
                return true;
            case KeyKind.Cancel:
                text = "";
                painter.Finish(_buffer.Text, "^C");
                return true;
            case KeyKind.EndOrDelete when _buffer.IsEmpty:
            case KeyKind.Closed:
                text = null;
                painter.Finish(_buffer.Text);
                return true;
            case KeyKind.Tab:
                Complete();
                return false;
            case KeyKind.Suspend:
                painter.Finish(_buffer.Text);
                terminal.Suspend();
                do
                    key = terminal.ReadKey();
                while (key.Kind is not (KeyKind.Resumed or KeyKind.Closed)); // what comes before was for the shell
                return Obey(key, ref text);
            case KeyKind.Resumed:
                terminal.Begin();
                painter.Start();
                return false;
            case KeyKind.Resized:
                painter.Resize();
                return false;
            case KeyKind.Clear:
                painter.Clear();
                return false;
            default:
                Edit(key);
                return false;
        }
    }

    private void Edit(Key key)
    {
        Action edit = key.Kind switch
        {
            KeyKind.Text or KeyKind.Paste => () => _buffer.Insert(key.Text),
            KeyKind.Enter => () => _buffer.Insert("\n"),
            KeyKind.Backspace => _buffer.Backspace,
            KeyKind.Delete or KeyKind.EndOrDelete => _buffer.Delete,
            KeyKind.Left => _buffer.Left,
            KeyKind.Right => _buffer.Right,
            KeyKind.WordLeft => _buffer.WordLeft,
            KeyKind.WordRight => _buffer.WordRight,
            KeyKind.Home => _buffer.Home,
            KeyKind.End => _buffer.End,
            KeyKind.Up when !_buffer.IsInFirstLine => _buffer.Up,
            KeyKind.Down when !_buffer.IsInLastLine => _buffer.Down,
            KeyKind.Up or KeyKind.Older => () => Recall(history.Older(_buffer.Text)),
            KeyKind.Down or KeyKind.Newer => () => Recall(history.Newer()),
            KeyKind.DeleteToStart => _buffer.DeleteToStart,
            KeyKind.DeleteToEnd => _buffer.DeleteToEnd,
            KeyKind.DeleteWordLeft => _buffer.DeleteWordLeft,
            KeyKind.DeleteWordRight => _buffer.DeleteWordRight,
            KeyKind.PutBack => _buffer.PutBack,
            _ => Nothing,
        };
        edit();
    }

    private static void Nothing()
    {
    }

    private void Recall(string? entry)
    {
        if (entry is not null)
            _buffer.Set(entry);
    }

    /// <summary>Puts in what all words have in common; where that is there, shows them below.</summary>
    private void Complete()
    {
        Completion completion = complete(_buffer.Text, _buffer.Cursor);
        string typed = _buffer.Text.Substring(_buffer.Cursor - completion.Length, completion.Length);
        if (completion.Words.Count == 0)
        {
            if (IsAtIndent)
                _buffer.Insert(Indent);
            return;
        }
        string common = completion.Common;
        if (completion.Words.Count == 1 || common.Length > typed.Length)
        {
            _buffer.Replace(completion.Length, completion.Words.Count == 1 ? common + completion.After : common);
            return;
        }
        painter.Finish(_buffer.Text);
        terminal.Write(Columns(completion.Words, terminal.Width));
    }

    private bool IsAtIndent => _buffer.Cursor == 0 || char.IsWhiteSpace(_buffer.Text[_buffer.Cursor - 1]);

    private static string Columns(IReadOnlyList<string> words, int width)
    {
        int column = Math.Min(width, words.Max(w => w.Length) + 2);
        int each = Math.Max(1, width / column);
        return string.Concat(words.Chunk(each).Select(
            row => string.Concat(row.Select(w => TextLine.Plain(w).PadRight(column))).TrimEnd() + "\r\n"));
    }
}
