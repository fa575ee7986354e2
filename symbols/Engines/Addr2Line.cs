using System.Globalization;
using System.Text.RegularExpressions;
using AllocReplay.Formats.Stacks;

namespace AllocReplay.Symbols.Engines;

/// <summary>addr2line of GNU binutils: a process for each object file.</summary>
internal sealed partial class Addr2Line(string path) : IResolver
{
    private const string Unknown = "??";

    public string Identity { get; } = HelperProcess.IdentityOf(path);

    public IReadOnlyList<IReadOnlyList<FunctionLine>> Resolve(string file, IReadOnlyList<ulong> addresses, CancellationToken token)
    {
        var found = new List<IReadOnlyList<FunctionLine>>(addresses.Count);
        using var name = new PlainName(file);
        using HelperProcess process = HelperProcess.Start(path, "-a", "-f", "-i", "-e", name.Text);
        process.Ask(addresses.Select(Mark), isLast: true);
        // An answer begins with its address; then a line for a function and one for its place, in turn.
        string? line = process.Read(token);
        for (int i = 0; i < addresses.Count && line is not null; i++)
        {
            var functions = new List<FunctionLine>();
            string? next = i + 1 < addresses.Count ? Mark(addresses[i + 1]) : null;
            while ((line = process.Read(token)) is not null && line != next)
            {
                if (process.Read(token) is not { } place)
                    break;
                if (line != Unknown)
                    functions.Add(Parse(line, place));
            }
            found.Add(functions);
        }
        return found;
    }

    public void Dispose()
    {
    }

    private static string Mark(ulong address) => string.Create(CultureInfo.InvariantCulture, $"0x{address:x16}");

    private static FunctionLine Parse(string function, string place)
    {
        Match match = Place().Match(place);
        string file = match.Success ? match.Groups[1].Value : place;
        return new FunctionLine(function, "", file == Unknown ? "" : file,
            match.Success && int.TryParse(match.Groups[2].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int line) ? line : 0);
    }

    [GeneratedRegex(@"^(.*):(\d+|\?)(?: \(discriminator \d+\))?$")]
    private static partial Regex Place();
}
