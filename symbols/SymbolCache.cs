using System.IO.Hashing;
using System.Text;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Stacks;
using AllocReplay.Formats.Stored;
using MessagePack;

namespace AllocReplay.Symbols;

/// <summary>What was found of a module before: by its build id, and by all that another result could come of.</summary>
internal sealed class SymbolCache(string? directory)
{
    private const int FileMax = 1 << 28;

    /// <summary>Rises when other answers would be kept for the same files.</summary>
    private const string Version = "3";

    /// <summary>Of a module.</summary>
    [MessagePackObject]
    internal sealed record Entry
    {
        /// <summary>The file that its symbols are of.</summary>
        [Key("source")] public required string Source { get; init; }
        /// <summary>As <see cref="ModuleSymbols.Problem"/>.</summary>
        [Key("problem")] public required string? Problem { get; init; }
        /// <summary>Offsets whose functions are known.</summary>
        [Key("known")] public required SymbolMap Known { get; init; }
        /// <summary>Offsets of which there is nothing to know.</summary>
        [Key("unknown")] public required ulong[] Unknown { get; init; }
    }

    /// <summary>A name for a module and the circumstances; null when it cannot be kept.</summary>
    /// <param name="module">The module.</param>
    /// <param name="resolver">What resolves.</param>
    /// <param name="files">Files that it may be resolved by: one that comes or goes changes the result.</param>
    public string? KeyOf(Module module, string resolver, IEnumerable<string> files)
    {
        if (directory is null || module.BuildId.Length < 4 || !module.BuildId.All(char.IsAsciiHexDigitLower))
            return null;
        var circumstances = new StringBuilder(Version).Append('\n').Append(resolver);
        foreach (string file in files)
            if (new FileInfo(file) is { Exists: true } info)
                circumstances.Append(System.Globalization.CultureInfo.InvariantCulture, $"\n{file} {info.Length} {info.LastWriteTimeUtc.Ticks}");
        return Path.Combine(directory, $"{module.BuildId}-{XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(circumstances.ToString())):x16}");
    }

    /// <summary>What was kept; null when nothing was that can be used.</summary>
    public static Entry? Read(string? key)
    {
        if (key is null)
            return null;
        try
        {
            if (!File.Exists(key))
                return null;
            using ByteSource file = ByteSource.OpenFile(key, followsLinks: false);
            Entry? entry = StoredMap.Deserialize<Entry>(file.ReadAll(FileMax));
            return entry is { Source: not null, Known: not null, Unknown: not null } ? entry : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or MessagePackSerializationException or Formats.TraceFormatException)
        {
            return null; // it is made anew
        }
    }

    /// <summary>Keeps what was found. Where that fails, it is found again the next time.</summary>
    public static void Write(string? key, Entry entry)
    {
        if (key is null)
            return;
        try
        {
            PrivateFile.CreateDirectory(Path.GetDirectoryName(key)!);
            byte[] bytes = StoredMap.Serialize(entry);
            PrivateFile.Replace(key, stream => stream.Write(bytes));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A full disk, a home that may not be written.
        }
    }
}
