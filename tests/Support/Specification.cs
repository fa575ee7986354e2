using System.Globalization;

namespace AllocReplay.Tests.Support;

/// <summary>A Markdown page of the format as tests read it: its tables by heading, its code blocks by language.</summary>
internal sealed class Specification(string text)
{
    private readonly string[] _lines = text.Split('\n');

    public static Specification Load() => new(File.ReadAllText(Path.Combine(SourceTree.Root, "formats", "SPEC.md")));

    /// <summary>The rows of the table whose first column has this name, the first after a heading: each row's cells, without marks of code.</summary>
    /// <exception cref="InvalidOperationException">There is no such table.</exception>
    public List<string[]> Table(string heading, string firstColumn)
    {
        int at = Array.IndexOf(_lines, heading);
        int head = at < 0 ? -1 : Array.FindIndex(_lines, at, l => l.StartsWith($"| {firstColumn} |", StringComparison.Ordinal));
        if (head < 0)
            throw new InvalidOperationException($"no table of '{firstColumn}' after '{heading}'");
        return [.. _lines.Skip(head + 2).TakeWhile(l => l.StartsWith('|'))
            .Select(l => l.Split('|')[1..^1].Select(c => c.Trim().Replace("`", "", StringComparison.Ordinal)).ToArray())];
    }

    /// <summary>The lines of a code block: the first of its language after a heading.</summary>
    public IEnumerable<string> Block(string heading, string language)
    {
        int at = Array.IndexOf(_lines, heading);
        int begin = Array.IndexOf(_lines, "```" + language, at) + 1;
        return at >= 0 && begin > 0
            ? _lines.Skip(begin).TakeWhile(l => l != "```")
            : throw new InvalidOperationException($"no block of '{language}' after '{heading}'");
    }

    /// <summary>
    /// The files of an example: a line <c>NAME:</c> begins each, bytes are in hexadecimal, <c>*N</c> is N zeros, a semicolon begins a comment.
    /// </summary>
    public Dictionary<string, byte[]> Files(string heading)
    {
        var files = new Dictionary<string, List<byte>>();
        List<byte> file = [];
        foreach (string line in Block(heading, "hex"))
        {
            string bytes = line.Split(';')[0].Trim();
            if (bytes.EndsWith(':'))
                files.Add(bytes[..^1], file = []);
            else
                file.AddRange(bytes.StartsWith('*') ? new byte[int.Parse(bytes[1..], CultureInfo.InvariantCulture)] : FromHex(bytes));
        }
        return files.ToDictionary(f => f.Key, f => f.Value.ToArray());
    }

    private static byte[] FromHex(string text) => Convert.FromHexString(text.Replace(" ", "", StringComparison.Ordinal));
}
