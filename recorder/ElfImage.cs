using System.IO.MemoryMappedFiles;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace AllocReplay.Recorder;

/// <summary>
/// What an executable's ELF file says of itself: enough to tell whether a preloaded library reaches its calls of malloc. Anything may stand
/// in such a file: what does not add up counts as not there.
/// </summary>
/// <remarks>
/// Own code, as it runs before every recording: LibObjectFile builds an object for each symbol and each string, which took 1.5 s for node's
/// 184,833; this reads the same tables in place.
/// </remarks>
internal sealed unsafe class ElfImage : IDisposable
{
    private const uint Interpreter = 3; // PT_INTERP
    private const uint StaticSymbols = 2, DynamicSymbols = 11; // SHT_SYMTAB, SHT_DYNSYM
    private const int Function = 2, IndirectFunction = 10; // STT_FUNC, STT_GNU_IFUNC
    private const int Local = 0; // STB_LOCAL

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _start;
    private readonly ulong _length;

    private ElfImage(FileStream file)
    {
        _length = (ulong)file.Length;
        _file = MemoryMappedFile.CreateFromFile(file, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
        _view = _file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
    }

    /// <summary>Whether it is of 64 bits and little-endian: what the hook is built for.</summary>
    public bool IsNative => Start(6).SequenceEqual("\u007fELF\u0002\u0001"u8);

    /// <summary>Whether it names a dynamic linker, without which nothing is preloaded.</summary>
    public bool HasInterpreter
    {
        get
        {
            Header header = At<Header>(0);
            for (ulong i = 0; i < header.SegmentCount; i++)
                if (At<uint>(header.Segments + i * header.SegmentSize) == Interpreter)
                    return true;
            return false;
        }
    }

    /// <summary>Opens an ELF file.</summary>
    /// <returns>null when it is none: a script, say.</returns>
    public static ElfImage? Open(string path)
    {
        FileStream file = File.OpenRead(path);
        if (file.Length < sizeof(Header))
        {
            file.Dispose();
            return null;
        }
        var image = new ElfImage(file);
        if (image.Start(4).SequenceEqual("\u007fELF"u8))
            return image;
        image.Dispose();
        return null;
    }

    /// <summary>Whether it has a function of this name that other objects see.</summary>
    public bool Exports(ReadOnlySpan<byte> function) => Has(function, andLocal: false);

    /// <summary>Whether it has a function of this name, be it for its own calls only, or for those of one source file: a linker makes them alike.</summary>
    public bool Defines(ReadOnlySpan<byte> function) => Has(function, andLocal: true);

    /// <summary>Those of some functions that it takes from other objects.</summary>
    public List<string> Imports(IEnumerable<string> functions)
    {
        var names = functions.Select(f => (Text: f, Bytes: Encoding.ASCII.GetBytes(f))).ToList();
        var found = new List<string>();
        Search(andStatic: false, (symbol, name) =>
        {
            if (symbol.Section == 0)
                found.AddRange(names.Where(n => IsNamed(name, n.Bytes)).Select(n => n.Text));
            return false;
        });
        return found;
    }

    private bool Has(ReadOnlySpan<byte> function, bool andLocal)
    {
        byte[] bytes = function.ToArray();
        return Search(andStatic: true, (symbol, name) =>
            (symbol.Info & 15) is Function or IndirectFunction && symbol.Section != 0 && (andLocal || symbol.Info >> 4 != Local) && IsNamed(name, bytes));
    }

    /// <summary>Asks for each symbol, and where its name lies, whether it is the one that is looked for.</summary>
    private bool Search(bool andStatic, Func<Symbol, ulong, bool> isFound)
    {
        Header header = At<Header>(0);
        for (ulong i = 0; i < header.SectionCount; i++)
        {
            Section table = At<Section>(header.Sections + i * header.SectionSize);
            bool isTable = table.Type == DynamicSymbols || andStatic && table.Type == StaticSymbols;
            if (!isTable || table.EntrySize < (ulong)sizeof(Symbol) || table.Size > _length)
                continue;
            Section names = At<Section>(header.Sections + table.Link * (ulong)header.SectionSize);
            for (ulong s = 0; s < table.Size / table.EntrySize; s++)
            {
                Symbol symbol = At<Symbol>(table.Offset + s * table.EntrySize);
                if (isFound(symbol, names.Offset + symbol.Name))
                    return true;
            }
        }
        return false;
    }

    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }

    private ReadOnlySpan<byte> Start(int length) => new(_start, length);

    /// <summary>A structure of the file; zeros where it would lie outside.</summary>
    private T At<T>(ulong offset)
        where T : unmanaged =>
        offset <= _length && _length - offset >= (ulong)sizeof(T) ? Unsafe.ReadUnaligned<T>(_start + offset) : default;

    private bool IsNamed(ulong offset, ReadOnlySpan<byte> name) =>
        offset < _length && _length - offset > (ulong)name.Length && new ReadOnlySpan<byte>(_start + offset, name.Length).SequenceEqual(name)
        && _start[offset + (ulong)name.Length] == 0;

    [StructLayout(LayoutKind.Explicit, Size = 64)]
    private struct Header
    {
        [FieldOffset(32)] public ulong Segments;
        [FieldOffset(40)] public ulong Sections;
        [FieldOffset(54)] public ushort SegmentSize;
        [FieldOffset(56)] public ushort SegmentCount;
        [FieldOffset(58)] public ushort SectionSize;
        [FieldOffset(60)] public ushort SectionCount;
    }

    [StructLayout(LayoutKind.Explicit, Size = 64)]
    private struct Section
    {
        [FieldOffset(4)] public uint Type;
        [FieldOffset(24)] public ulong Offset;
        [FieldOffset(32)] public ulong Size;
        [FieldOffset(40)] public uint Link;
        [FieldOffset(56)] public ulong EntrySize;
    }

    [StructLayout(LayoutKind.Explicit, Size = 24)]
    private struct Symbol
    {
        [FieldOffset(0)] public uint Name;
        [FieldOffset(4)] public byte Info;
        [FieldOffset(6)] public ushort Section;
    }
}
