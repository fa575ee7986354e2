using System.Globalization;
using System.Text;

namespace AllocReplay.Cli.Prompt;

/// <summary>
/// Keys of the bytes that a terminal sends, as xterm and those after it, and the Linux console, send them: UTF-8, controls, and sequences that begin with
/// ESC. Bytes come in pieces that may end anywhere. What is not known is passed over as a whole, so that nothing of it becomes text.
/// </summary>
/// <remarks>ESC before a letter is Alt, however long ago it was struck, as in readline: there is no waiting for what may follow.</remarks>
internal sealed class KeyDecoder
{
    private const char Escape = '\e', Backspace = '\u007f';
    private const string PasteEnd = "\e[201~";

    /// <summary>More than any sequence has: what goes on longer is none.</summary>
    private const int ParametersMax = 32;

    private enum State { Text, Escape, Sequence, Application, Console, Paste }

    private readonly Decoder _utf8 = Encoding.UTF8.GetDecoder();
    private readonly StringBuilder _text = new(), _parameters = new();
    private State _state;
    private bool _afterReturn;

    /// <summary>The keys that these bytes complete.</summary>
    public IReadOnlyList<Key> Feed(ReadOnlySpan<byte> bytes)
    {
        var characters = new char[_utf8.GetCharCount(bytes, flush: false)];
        int count = _utf8.GetChars(bytes, characters, flush: false);
        var keys = new List<Key>();
        foreach (char c in characters.AsSpan(0, count))
            Take(c, keys);
        if (_state == State.Text)
            EndText(keys);
        return keys;
    }

    private void Take(char c, List<Key> keys)
    {
        switch (_state)
        {
            case State.Paste:
                TakePasted(c, keys);
                break;
            case State.Sequence when c is >= ' ' and < '@' && _parameters.Length < ParametersMax:
                _parameters.Append(c);
                break;
            case State.Sequence when c == '[' && _parameters.Length == 0:
                _state = State.Console; // a function key of the Linux console: one character more
                break;
            case State.Sequence when c is >= '@' and <= '~':
                _state = State.Text;
                EndSequence(c, keys);
                break;
            case State.Application when c >= ' ':
                _state = State.Text;
                Add(c == 'M' ? KeyKind.Enter : Arrow(c), keys); // of the number pad
                break;
            case State.Console when c >= ' ':
                _state = State.Text;
                break;
            case State.Escape when c == '[':
                _parameters.Clear();
                _state = State.Sequence;
                break;
            case State.Escape when c == 'O':
                _state = State.Application;
                break;
            case State.Escape when c >= ' ':
                _state = State.Text;
                Add(Alt(c), keys);
                break;
            default:
                // A control is one wherever it comes, and ends what it comes amid.
                _state = State.Text;
                TakePlain(c, keys);
                break;
        }
    }

    private void TakePlain(char c, List<Key> keys)
    {
        bool isSecond = c == '\n' && _afterReturn; // CR LF is one line break
        _afterReturn = c == '\r';
        if (isSecond)
            return;
        if (!char.IsControl(c))
        {
            _text.Append(c);
            return;
        }
        EndText(keys);
        if (c == Escape)
            _state = State.Escape;
        else
            Add(Control(c), keys);
    }

    private void TakePasted(char c, List<Key> keys)
    {
        _text.Append(c);
        int before = _text.Length - PasteEnd.Length;
        if (c != PasteEnd[^1] || before < 0 || _text.ToString(before, PasteEnd.Length) != PasteEnd)
            return;
        string pasted = _text.ToString(0, before);
        _text.Clear();
        _state = State.Text;
        keys.Add(new Key(KeyKind.Paste, string.Concat(pasted.ReplaceLineEndings("\n").Where(p => p is '\n' or '\t' || !char.IsControl(p)))));
    }

    private void EndText(List<Key> keys)
    {
        if (_text.Length > 0)
            keys.Add(new Key(KeyKind.Text, _text.ToString()));
        _text.Clear();
    }

    private static void Add(KeyKind? kind, List<Key> keys)
    {
        if (kind is { } known)
            keys.Add(new Key(known));
    }

    /// <summary>Ctrl with a letter is the letter's place in the alphabet.</summary>
    private static KeyKind? Control(char c) => c switch
    {
        '\r' or '\n' => KeyKind.Enter,
        '\t' => KeyKind.Tab,
        Backspace or '\b' => KeyKind.Backspace,
        '\u0001' => KeyKind.Home,
        '\u0002' => KeyKind.Left,
        '\u0003' => KeyKind.Cancel,
        '\u0004' => KeyKind.EndOrDelete,
        '\u0005' => KeyKind.End,
        '\u0006' => KeyKind.Right,
        '\u000b' => KeyKind.DeleteToEnd,
        '\u000c' => KeyKind.Clear,
        '\u000e' => KeyKind.Newer,
        '\u0010' => KeyKind.Older,
        '\u0015' => KeyKind.DeleteToStart,
        '\u0017' => KeyKind.DeleteWordLeft,
        '\u0019' => KeyKind.PutBack,
        '\u001a' => KeyKind.Suspend,
        _ => null,
    };

    private static KeyKind? Alt(char c) => c switch
    {
        'b' or 'B' => KeyKind.WordLeft,
        'f' or 'F' => KeyKind.WordRight,
        'd' or 'D' => KeyKind.DeleteWordRight,
        Backspace => KeyKind.DeleteWordLeft,
        _ => null,
    };

    private static KeyKind? Arrow(char c) => c switch
    {
        'A' => KeyKind.Up,
        'B' => KeyKind.Down,
        'C' => KeyKind.Right,
        'D' => KeyKind.Left,
        'F' => KeyKind.End,
        'H' => KeyKind.Home,
        _ => null,
    };

    private void EndSequence(char final, List<Key> keys)
    {
        string[] parameters = _parameters.ToString().Split(';');
        int number = NumberOf(parameters[0]);
        // 1 and what is held: 1 Shift, 2 Alt, 4 Ctrl.
        int held = parameters.Length > 1 ? NumberOf(parameters[1]) - 1 : 0;
        bool isByWord = held > 0 && (held & 6) != 0;
        if (final == '~' && number == 200)
        {
            _state = State.Paste;
            return;
        }
        KeyKind? kind = final != '~' ? Arrow(final) : number switch
        {
            1 or 7 => KeyKind.Home,
            4 or 8 => KeyKind.End,
            3 => isByWord ? KeyKind.DeleteWordRight : KeyKind.Delete,
            _ => null,
        };
        Add(kind switch
        {
            KeyKind.Left when isByWord => KeyKind.WordLeft,
            KeyKind.Right when isByWord => KeyKind.WordRight,
            _ => kind,
        }, keys);
    }

    private static int NumberOf(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int n) ? n : 0;
}
