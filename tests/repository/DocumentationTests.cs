using System.Text.RegularExpressions;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Repository;

/// <summary>What documents and comments point to is there: files, headings, names.</summary>
public sealed partial class DocumentationTests
{
    /// <summary>Written once and true of their day: they may name what is gone.</summary>
    private static readonly string[] Historic = ["CHANGELOG.md", "docs/decisions/", "bench/results.md"];

    /// <summary>Names of other projects, in the form of ours.</summary>
    private static readonly string[] Foreign = ["MallocHook", "MessagePack", "ClickHouse", "NativeAOT", "GitHub", "TypeScript"];

    private static readonly Lazy<HashSet<string>> Identifiers = new(() =>
        [.. SourceTree.Files(".cs", ".c", ".h", ".cpp", ".csproj", ".props", ".targets", ".sql")
            .SelectMany(f => Word().Matches(WithoutComments(SourceTree.Read(f)))).Select(m => m.Value)]);

    private static IEnumerable<string> Documents => SourceTree.Files(".md");

    [Fact]
    public void A_link_leads_to_a_file_and_to_a_heading() =>
        SourceTree.AssertNone(Documents.SelectMany(f => BrokenLinks(f, SourceTree.Read(f), Headings)));

    [Fact]
    public void A_file_that_a_document_or_a_comment_names_is_there()
    {
        string[] files = [.. SourceTree.Files()];
        IEnumerable<(string File, string Text)> texts = Documents.Select(f => (f, SourceTree.Read(f)))
            .Concat(SourceTree.Files(".cs", ".c", ".h", ".cpp", ".sh", ".csproj", ".props", ".targets").Select(f => (f, CommentsOf(SourceTree.Read(f)))));
        SourceTree.AssertNone(texts.Where(t => !IsHistoric(t.File)).SelectMany(t => MissingFiles(t.File, t.Text, files)));
    }

    [Fact]
    public void A_name_of_code_in_a_document_is_in_the_code() =>
        SourceTree.AssertNone(Documents.Where(f => !IsHistoric(f)).SelectMany(f => StaleNames(f, SourceTree.Read(f), Identifiers.Value)));

    [Fact]
    public void A_name_of_code_in_a_comment_is_in_the_code() =>
        SourceTree.AssertNone(SourceTree.Files(".cs", ".c", ".h").SelectMany(f => StaleNames(f, Quoted(CommentsOf(SourceTree.Read(f))), Identifiers.Value)));

    [Fact]
    public void What_points_to_nothing_is_a_violation() // the controls
    {
        string[] files = ["formats/SPEC.md", "formats/Recording/Wire.cs"];
        Assert.Empty(BrokenLinks("README.md", "[the spec](formats/SPEC.md#words) [out](https://example.org)", _ => "# Words"));
        Assert.Single(BrokenLinks("README.md", "[the spec](formats/SPEC.md#words)", _ => "# Other"));
        Assert.Single(BrokenLinks("README.md", "[the spec](formats/GONE.md)", _ => null));
        Assert.Empty(MissingFiles("x.cs", "see Recording/Wire.cs and formats/SPEC.md, <sys/mman.h>, /etc/a/b.txt, DIR/x.c", files));
        Assert.Single(MissingFiles("x.cs", "see formats/Wire.cs", files));
        Assert.Empty(StaleNames("x.md", "`TraceReader.Open` `ar_spill` `Malloc` TraceGone `--option`", ["TraceReader", "Open", "ar_spill"]));
        Assert.Equal(2, StaleNames("x.md", "`TraceGone` `ar_gone`", ["TraceReader"]).Count());
        Assert.Single(StaleNames("x.md", "`TraceReader.OpenGone()`", ["TraceReader"]));
        Assert.Equal(" the `TraceGone`\n", Quoted(CommentsOf("int x; // the <c>TraceGone</c>\n")));
        Assert.DoesNotContain("TraceGone", WithoutComments("int x; // TraceGone\n/* TraceGone */"), StringComparison.Ordinal);
    }

    private static bool IsHistoric(string file) => Historic.Any(h => file.StartsWith(h, StringComparison.Ordinal));

    /// <param name="file">The document.</param>
    /// <param name="text">What is in it.</param>
    /// <param name="read">A file's text, empty for a folder, null where there is none.</param>
    private static IEnumerable<string> BrokenLinks(string file, string text, Func<string, string?> read)
    {
        foreach (string target in Link().Matches(text).Select(m => m.Groups[1].Value).Where(t => !t.Contains("://", StringComparison.Ordinal)))
        {
            string[] parts = target.Split('#', 2);
            string path = parts[0].Length == 0 ? file : Path.GetRelativePath(".", Path.Combine(Path.GetDirectoryName(file)!, parts[0]));
            if (read(path) is not { } found)
                yield return $"{file}: {target}: no such file";
            else if (parts.Length == 2 && !Heading().Matches(found).Select(m => Anchor(m.Groups[1].Value)).Contains(parts[1]))
                yield return $"{file}: {target}: no such heading";
        }
    }

    private static string? Headings(string file)
    {
        string path = Path.Combine(SourceTree.Root, file);
        return File.Exists(path) ? File.ReadAllText(path) : Directory.Exists(path) ? "" : null;
    }

    /// <summary>As hosts of repositories make it: small letters, hyphens for blanks, nothing else but letters, digits, hyphens and underscores.</summary>
    private static string Anchor(string heading) => NotOfAnchor().Replace(heading.Trim().ToLowerInvariant(), "").Replace(' ', '-');

    /// <summary>A path may begin at the root, or at any folder from which it leads to a file of ours.</summary>
    private static IEnumerable<string> MissingFiles(string file, string text, string[] files) =>
        from path in FilePath().Matches(text).Select(m => m.Value).Distinct()
        where !files.Any(f => f == path || f.EndsWith("/" + path, StringComparison.Ordinal))
        select $"{file}: names {path}, which is not there";

    /// <summary>
    /// In backticks, the names that only code has: of several words with capitals, a type's member after a dot, and what begins as the C
    /// sources' names do. Each word of them is somewhere in the code.
    /// </summary>
    private static IEnumerable<string> StaleNames(string file, string text, HashSet<string> identifiers) =>
        from name in CodeName().Matches(text).Select(m => m.Groups[1].Value).Distinct()
        from part in name.Split('.')
        where !identifiers.Contains(part) && !Foreign.Contains(part)
        select $"{file}: `{name}`: {part} is nowhere in the code";

    private static string CommentsOf(string text) => string.Concat(Comment().Matches(text).Select(m => m.Groups["text"].Value + "\n"));

    private static string WithoutComments(string text) => Comment().Replace(text, "");

    private static string Quoted(string comments) => CodeElement().Replace(comments, "`$1`");

    [GeneratedRegex(@"\[[^\]]*\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex("^#+ (.*)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\p{L}\p{N} _-]")]
    private static partial Regex NotOfAnchor();

    // Not: absolute ones, system headers in angle brackets, what a command makes, and those with a word in capitals for any name.
    [GeneratedRegex(
        @"(?<![\w/<.$~*{}-])(?!artifacts/|sys/|linux/|gperftools/)[a-zA-Z][a-z_-]+(?:/[A-Za-z0-9_.-]+)*/" +
        @"(?![A-Z]+\.)[A-Za-z0-9_.-]+\.(?:cs|c|h|cpp|md|sh|sql|py|csproj|targets|props)\b")]
    private static partial Regex FilePath();

    [GeneratedRegex(@"`((?:[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]*)+(?:\.[A-Z]\w+)*)|(?:ar|AR|allocreplay|ALLOCREPLAY)_\w+)(?:\(\))?`")]
    private static partial Regex CodeName();

    // Of C# and C, of XML, and of the shell, whose sign begins the C preprocessor's lines too.
    [GeneratedRegex(
        @"(?<=^|[\s;{}])//+(?<text>.*)|/\*(?<text>(?s:.*?))\*/|<!--(?<text>(?s:.*?))-->|" +
        @"^[ \t]*#(?!\s*(?:include|define|if|el|endif|error|undef|pragma|nullable)\b)(?<text> .*)",
        RegexOptions.Multiline)]
    private static partial Regex Comment();

    [GeneratedRegex("<c>(.*?)</c>")]
    private static partial Regex CodeElement();

    [GeneratedRegex(@"[A-Za-z_]\w*")]
    private static partial Regex Word();
}
