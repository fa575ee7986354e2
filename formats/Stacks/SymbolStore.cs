using AllocReplay.Formats.Files;
using AllocReplay.Formats.Packed;
using AllocReplay.Formats.Recording;
using AllocReplay.Formats.Stored;
using MessagePack;

namespace AllocReplay.Formats.Stacks;

/// <summary>Puts symbols into a trace, so that it can be read without the object files.</summary>
public static class SymbolStore
{
    /// <summary>More than the symbols of any process.</summary>
    private const int FileMax = PackedWire.MetadataLengthMax;

    /// <summary>Writes symbols into a trace, in the place of those that it had. It is whole at any moment.</summary>
    /// <param name="trace">The trace; what it has open stays as it was.</param>
    /// <param name="symbols">Of each process image, by its name.</param>
    /// <exception cref="TraceDamagedException">A packed trace is damaged: what it was packed from is to be packed anew.</exception>
    /// <exception cref="TraceNotWritableException">It cannot be written.</exception>
    public static void Write(Trace trace, IReadOnlyDictionary<string, SymbolTable> symbols)
    {
        if (trace.Pack is { } pack)
        {
            if (pack.Damage is not null)
                throw new TraceDamagedException(pack.Damage);
            using var writer = new PackWriter(trace.Path);
            writer.Copy(pack, symbols);
            writer.Complete();
            return;
        }
        foreach ((string image, SymbolTable table) in symbols)
        {
            byte[] bytes = StoredMap.Serialize(SymbolMap.Of(table));
            PrivateFile.Replace(Path.Combine(trace.DirectoryOf(image), Wire.SymbolsFile), stream => stream.Write(bytes));
        }
    }

    /// <summary>The symbols in a process image's directory; empty when there are none.</summary>
    /// <exception cref="TraceFormatException">They cannot be read.</exception>
    internal static SymbolTable Read(ByteFolder directory)
    {
        using ByteSource? file = directory.Open(Wire.SymbolsFile);
        if (file is null)
            return SymbolTable.Empty;
        try
        {
            SymbolMap? map = StoredMap.Deserialize<SymbolMap>(file.ReadAll(FileMax));
            return map?.ToTable() ?? throw new TraceFormatException(file.Path, null, "expected symbols that refer to texts of the same file");
        }
        catch (MessagePackSerializationException e)
        {
            throw new TraceFormatException(file.Path, null, $"expected symbols as a MessagePack map ({e.InnerException?.Message ?? e.Message})");
        }
    }
}
