using AllocReplay.Formats.Stacks;
using LibObjectFile.Elf;

namespace AllocReplay.Symbols.Engines;

/// <summary>The object file's own symbol tables: functions without lines, for where no other resolver is installed.</summary>
internal sealed class ElfSymbols : IResolver
{
    public string Identity => "symbol tables";

    public IReadOnlyList<IReadOnlyList<FunctionLine>> Resolve(string file, IReadOnlyList<ulong> addresses, CancellationToken token)
    {
        (ulong From, ulong Size, string Name)[] functions = Read(file);
        ulong[] starts = [.. functions.Select(f => f.From)];
        return [.. addresses.Select(address =>
        {
            int at = Array.BinarySearch(starts, address);
            at = at < 0 ? ~at - 1 : at;
            // Of aliases, any; a function without a size, of assembly, ends where the next begins.
            return at >= 0 && (functions[at].Size == 0 || address - functions[at].From < functions[at].Size)
                ? (IReadOnlyList<FunctionLine>)[new FunctionLine(functions[at].Name, "", "", 0)] : [];
        })];
    }

    public void Dispose()
    {
    }

    private static (ulong From, ulong Size, string Name)[] Read(string file)
    {
        try
        {
            using FileStream stream = File.OpenRead(file);
            var options = new ElfReaderOptions
            {
                UseSubStream = true,
                TryCreateSection = (type, _) => type is ElfSectionType.Relocation or ElfSectionType.RelocationAddends ? new ElfStreamSection(type) : null!,
            };
            if (!ElfFile.TryRead(stream, out ElfFile? elf, out _, options) || elf is null)
                return [];
            return [.. elf.Sections.OfType<ElfSymbolTable>().SelectMany(t => t.Entries)
                .Where(s => s.Type is ElfSymbolType.Function or ElfSymbolType.GnuIndirectFunction && s.Value != 0 && s.Name.Value.Length > 0)
                .GroupBy(s => s.Value).Select(g => g.MaxBy(s => (s.Size, s.Bind == ElfSymbolBind.Global)))
                .OrderBy(s => s.Value).Select(s => (s.Value, s.Size, s.Name.Value))];
        }
        catch (Exception)
        {
            return []; // anything may stand in a file, and the library does not say how it fails
        }
    }
}
