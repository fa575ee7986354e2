using System.Text;
using AllocReplay.Cli.Prompt;

namespace AllocReplay.Tests.Cli;

/// <summary>Keys of the bytes that terminals send, however they are cut.</summary>
public sealed class KeyDecoderTests
{
    [Theory]
    [InlineData("a", "Text:a")]
    [InlineData("SELECT ü語👍", "Text:SELECT ü語👍")]
    [InlineData("a\rb\n\r\n", "Text:a Enter Text:b Enter Enter")]
    [InlineData("\e[A\eOA\e[B\e[C\e[D\e[H\e[F", "Up Up Down Right Left Home End")]
    [InlineData("\e[1~\e[4~\e[7~\e[8~\e[3~\e[3;5~", "Home End Home End Delete DeleteWordRight")]
    [InlineData("\e[1;5C\e[1;5D\e[1;3C\eb\ef\ed\e\u007f", "WordRight WordLeft WordRight WordLeft WordRight DeleteWordRight DeleteWordLeft")]
    [InlineData("\u0001\u0002\u0003\u0004\u0005\u0006\b\t\u000b\u000c\u000e\u0010\u0015\u0017\u0019\u001a\u007f",
        "Home Left Cancel EndOrDelete End Right Backspace Tab DeleteToEnd Clear Newer Older DeleteToStart DeleteWordLeft PutBack Suspend Backspace")]
    [InlineData("x\e[15~y\e[[Az\eOPw\e[<0;1;1Mv\eq\eOM", "Text:xyzwv Enter")] // keys that nothing knows leave nothing
    [InlineData("\e\r\e[\u0003\e\e[A", "Enter Cancel Up")] // a control ends what it comes amid
    [InlineData("\e[200~a;\r\nb\tc\u0003\e[201~d", "Paste:a;\nb\tc Text:d")]
    [InlineData("\e[200~\e[20\e[A\e[201~", "Paste:[20[A")]
    [InlineData("\u0085\u009bA\0", "Text:A")] // controls of eight bits, and none
    public void Bytes_are_keys_in_one_piece_or_one_by_one(string sent, string keys)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(sent);
        var decoder = new KeyDecoder();
        Assert.Equal(keys, Worded(decoder.Feed(bytes)));
        var byOne = new KeyDecoder();
        Assert.Equal(keys, Worded([.. bytes.SelectMany(b => byOne.Feed([b]))]));
    }

    [Fact]
    public void Bytes_that_are_no_text_are_a_sign_that_something_was_there() =>
        Assert.Equal("Text:a\uFFFDb", Worded(new KeyDecoder().Feed([(byte)'a', 0xff, (byte)'b'])));

    /// <summary>Text that comes in pieces is put together.</summary>
    private static string Worded(IReadOnlyList<Key> keys)
    {
        var words = new List<string>();
        KeyKind? last = null;
        foreach (Key key in keys)
        {
            if (key.Kind == KeyKind.Text && last == KeyKind.Text)
                words[^1] += key.Text;
            else
                words.Add(key.Text.Length > 0 ? $"{key.Kind}:{key.Text}" : $"{key.Kind}");
            last = key.Kind;
        }
        return string.Join(' ', words);
    }
}
