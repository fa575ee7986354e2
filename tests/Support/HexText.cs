using System.Globalization;

namespace AllocReplay.Tests.Support;

/// <summary>
/// Binary files as text that can be reviewed: a line <c>NAME:</c> begins each, then its bytes follow in hexadecimal, 32 to a line;
/// <c>*COUNT</c> stands for so many zeros; <c>#</c> begins a comment.
/// </summary>
internal static class HexText
{
    public static Dictionary<string, byte[]> Read(string path)
    {
        var files = new Dictionary<string, byte[]>();
        string name = "";
        foreach (string line in File.ReadLines(path))
        {
            if (line.Length == 0 || line[0] == '#')
                continue;
            if (line[^1] == ':')
                files.Add(name = line[..^1], []);
            else
                files[name] = [.. files[name], .. line[0] == '*' ? new byte[int.Parse(line[1..], CultureInfo.InvariantCulture)] : Convert.FromHexString(line)];
        }
        return files;
    }
}
