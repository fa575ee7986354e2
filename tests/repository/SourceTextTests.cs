using System.Text;
using System.Text.RegularExpressions;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Repository;

/// <summary>What every source file keeps to, whatever it says.</summary>
public sealed partial class SourceTextTests
{
    private const int LongestLine = 160;

    private static readonly string[] Code = [".cs", ".c", ".h", ".cpp", ".sh", ".py", ".sql", ".ts", ".mjs", ".css", ".html"];

    private static IEnumerable<string> CodeFiles =>
        SourceTree.Files(Code)
        .Concat(SourceTree.Files("").Where(f => f.StartsWith(".ci/", StringComparison.Ordinal)));

    [Fact]
    public void No_line_of_code_is_longer_than_160_columns() => AssertNone(TooLong);

    [Fact]
    public void Nothing_is_left_to_be_done() => AssertNone(Unfinished);

    [Fact]
    public void A_test_that_sleeps_says_why() =>
        SourceTree.AssertNone(CodeFiles.Where(f => f.StartsWith("tests/", StringComparison.Ordinal)).SelectMany(f => Sleeps(f, SourceTree.Read(f))));

    [Fact]
    public void No_file_is_binary() =>
        SourceTree.AssertNone(SourceTree.Files().Where(f => IsBinary(File.ReadAllBytes(Path.Combine(SourceTree.Root, f)))));

    [Fact]
    public void Each_is_a_violation_where_it_stands() // the controls
    {
        string word = "TO" + "DO", nap = "Thread.Sle" + "ep(1);";
        Assert.Equal("x.cs:2: 161 columns", Assert.Single(TooLong("x.cs", "a\n" + new string('é', 161) + "\n")));
        Assert.Empty(TooLong("x.cs", new string('é', 160)));
        Assert.Single(Unfinished("x.cs", $"// {word}: more"));
        Assert.Single(Sleeps("x.cs", nap));
        Assert.Single(Sleeps("x.c", "us" + "leep(1);"));
        Assert.Empty(Sleeps("x.cs", $"// sleeps: nothing tells when it is over\n{nap}"));
        Assert.Empty(Sleeps("x.cs", $"{nap} // sleeps: nothing tells when it is over"));
        Assert.True(IsBinary([0x7f, (byte)'E', (byte)'L', (byte)'F', 0]));
        Assert.False(IsBinary(Encoding.UTF8.GetBytes("é\n")));
    }

    private static void AssertNone(Func<string, string, IEnumerable<string>> violations) =>
        SourceTree.AssertNone(CodeFiles.SelectMany(f => violations(f, SourceTree.Read(f))));

    private static IEnumerable<string> TooLong(string file, string text) =>
        from line in Lines(text)
        let columns = line.Text.EnumerateRunes().Count()
        where columns > LongestLine && !line.Text.TrimStart().StartsWith("| ", StringComparison.Ordinal) // a row of a table cannot be broken
        select $"{file}:{line.Number}: {columns} columns";

    private static IEnumerable<string> Unfinished(string file, string text) =>
        from line in Lines(text) where Leftover().IsMatch(line.Text) select $"{file}:{line.Number}: {line.Text.Trim()}";

    private static IEnumerable<string> Sleeps(string file, string text)
    {
        string before = "";
        foreach ((int number, string line) in Lines(text))
        {
            if (Sleep().IsMatch(line) && !line.Contains("sleeps: ", StringComparison.Ordinal) && !before.Contains("sleeps: ", StringComparison.Ordinal))
                yield return $"{file}:{number}: {line.Trim()}";
            before = line;
        }
    }

    /// <summary>As git judges.</summary>
    private static bool IsBinary(byte[] content) => content.AsSpan(0, Math.Min(content.Length, 8000)).Contains((byte)0);

    private static IEnumerable<(int Number, string Text)> Lines(string text) => text.Split('\n').Select((line, i) => (i + 1, line));

    // In two halves, or these lines would be found themselves.
    [GeneratedRegex(@"\b(TO" + @"DO|FIX" + @"ME|HA" + @"CK)\b")]
    private static partial Regex Leftover();

    [GeneratedRegex(@"\bThread\.Sleep\(|\bTask\.Delay\(|\b(?:u|nano)?sleep\(")]
    private static partial Regex Sleep();
}
