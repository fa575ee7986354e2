using System.Text;
using AllocReplay.Formats.Files;
using LibObjectFile.Elf;

namespace AllocReplay.Symbols.Objects;

/// <summary>What an object file says of itself: which one it is, and where more is known about it.</summary>
/// <param name="Path">The file.</param>
/// <param name="BuildId">In hexadecimal; empty when it has none.</param>
/// <param name="Base">The address that the first byte of its first segment's page is linked to: 0 but for programs at a fixed address.</param>
/// <param name="DebugLink">Name of a separate debug file; empty when it names none.</param>
/// <param name="DebugChecksum">CRC-32 of that file.</param>
/// <param name="HasLines">Whether it has line numbers.</param>
/// <param name="HasSymbols">Whether it has the symbol table that <c>strip</c> takes away.</param>
internal sealed record ObjectFile(string Path, string BuildId, ulong Base, string DebugLink, uint DebugChecksum, bool HasLines, bool HasSymbols)
{
    private const ulong Page = 4096;
    private const int NoteMax = 1 << 16;

    /// <summary>Opens an ELF file.</summary>
    /// <returns>Null when it is not there, cannot be read, or is none.</returns>
    public static ObjectFile? Open(string path)
    {
        try
        {
            if (!File.Exists(path))
                return null;
            // A path comes from a trace: a pipe would be waited for, a device read without end.
            using var stream = new FileStream(FileKind.Open(path, followsLinks: true), FileAccess.Read);
            // A symbol table is read when its symbols are wanted: for node's alone it takes a second.
            var options = new ElfReaderOptions { UseSubStream = true, TryCreateSection = (type, _) => IsLarge(type) ? new ElfStreamSection(type) : null! };
            return ElfFile.TryRead(stream, out ElfFile? elf, out _, options) && elf is not null ? Of(path, elf) : null;
        }
        catch (Exception)
        {
            return null; // anything may stand in a file, and the library does not say how it fails
        }
    }

    private static bool IsLarge(ElfSectionType type) => type is ElfSectionType.SymbolTable or ElfSectionType.DynamicLinkerSymbolTable
        or ElfSectionType.Relocation or ElfSectionType.RelocationAddends;

    private static ObjectFile Of(string path, ElfFile elf)
    {
        ulong first = elf.Segments.Where(s => s.Type == ElfSegmentTypeCore.Load).Select(s => s.VirtualAddress).DefaultIfEmpty(0ul).Min();
        string buildId = elf.Sections.OfType<ElfNoteTable>().SelectMany(n => n.Entries).OfType<ElfGnuNoteBuildId>()
            .Select(n => Hex(n.BuildId!)).FirstOrDefault("");
        (string link, uint checksum) = Link(elf.Sections.FirstOrDefault(s => s.Name.Value == ".gnu_debuglink") as ElfStreamSection);
        return new ObjectFile(path, buildId, first & ~(Page - 1), link, checksum,
            elf.Sections.Any(s => s.Name.Value is ".debug_info" or ".zdebug_info"), elf.Sections.Any(s => s.Type == ElfSectionType.SymbolTable));
    }

    private static string Hex(Stream id)
    {
        var bytes = new byte[Math.Min(id.Length, NoteMax)];
        id.Position = 0;
        id.ReadExactly(bytes);
        return Convert.ToHexStringLower(bytes);
    }

    /// <summary>A name that ends in a zero byte, zeros up to a multiple of 4, and the checksum.</summary>
    private static (string Name, uint Checksum) Link(ElfStreamSection? section)
    {
        if (section?.Stream is not { Length: > 4 and < NoteMax } stream)
            return ("", 0);
        var bytes = new byte[stream.Length];
        stream.Position = 0;
        stream.ReadExactly(bytes);
        int end = Array.IndexOf(bytes, (byte)0);
        // A name, and not a path that leads elsewhere.
        return end <= 0 ? ("", 0) : (System.IO.Path.GetFileName(Encoding.UTF8.GetString(bytes, 0, end)), BitConverter.ToUInt32(bytes, bytes.Length - 4));
    }
}
