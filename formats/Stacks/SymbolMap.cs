using MessagePack;

namespace AllocReplay.Formats.Stacks;

/// <summary>A table of symbols as it is stored: SPEC.md, "Map: symbols".</summary>
[MessagePackObject]
internal sealed record SymbolMap
{
    /// <summary>Numbers of <see cref="Location.Functions"/> that describe one function.</summary>
    private const int FunctionParts = 4;

    /// <summary>Names and files, each once; the first is empty.</summary>
    [Key("texts")] public required string[] Texts { get; init; }

    [Key("locations")] public required Location[] Locations { get; init; }

    /// <param name="Module">As <see cref="CodeLocation.Module"/>.</param>
    /// <param name="Offset">As <see cref="CodeLocation.Offset"/>.</param>
    /// <param name="Functions">Of each function four numbers: function, linkage name and file, as indices of texts, and the line.</param>
    [MessagePackObject]
    internal sealed record Location([property: Key(0)] int Module, [property: Key(1)] ulong Offset, [property: Key(2)] int[] Functions);

    public static SymbolMap Of(SymbolTable table)
    {
        var texts = new List<string> { "" };
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal) { [""] = 0 };
        int Number(string text)
        {
            if (!numbers.TryGetValue(text, out int number))
            {
                numbers.Add(text, number = texts.Count);
                texts.Add(text);
            }
            return number;
        }
        Location[] locations = [.. table.Functions.OrderBy(f => f.Key.Module).ThenBy(f => f.Key.Offset).Select(f => new Location(
            f.Key.Module, f.Key.Offset, [.. f.Value.SelectMany(l => new[] { Number(l.Function), Number(l.LinkageName), Number(l.File), l.Line })]))];
        return new SymbolMap { Texts = [.. texts], Locations = locations };
    }

    /// <summary>The table; null when the map contradicts itself.</summary>
    public SymbolTable? ToTable()
    {
        if ((object?)Texts is null || (object?)Locations is null || Texts.Any(t => (object?)t is null))
            return null;
        var functions = new Dictionary<CodeLocation, IReadOnlyList<FunctionLine>>(Locations.Length);
        foreach (Location location in Locations)
        {
            if (location?.Functions is not { Length: > 0 } parts || parts.Length % FunctionParts != 0)
                return null;
            var lines = new FunctionLine[parts.Length / FunctionParts];
            for (int i = 0; i < lines.Length; i++)
            {
                ReadOnlySpan<int> of = parts.AsSpan(i * FunctionParts, FunctionParts);
                if ((uint)of[0] >= Texts.Length || (uint)of[1] >= Texts.Length || (uint)of[2] >= Texts.Length || of[3] < 0)
                    return null;
                lines[i] = new FunctionLine(Texts[of[0]], Texts[of[1]], Texts[of[2]], of[3]);
            }
            functions[new CodeLocation(location.Module, location.Offset)] = lines;
        }
        return new SymbolTable(functions);
    }
}
