using System.Runtime.InteropServices;

namespace AllocReplay.Replayer.Run;

/// <summary>
/// A file of numbers that a worker maps and keeps up to date, so that what it had done and found is known when it crashes: ops done; ops in all, once
/// it knows; faults found, by <see cref="BlockFaultKind"/>.
/// </summary>
internal static class RunProgressFile
{
    public const int Kinds = (int)BlockFaultKind.Failed + 1;

    public static void Create(string path) => File.WriteAllBytes(path, new byte[(2 + Kinds) * sizeof(long)]);

    /// <summary>The fraction done; null until the worker knows of how many.</summary>
    public static double? DoneOf(string path)
    {
        ReadOnlySpan<long> told = Read(path);
        return told[1] == 0 ? null : (double)told[0] / told[1];
    }

    /// <summary>Kinds of faults that were found, and how often.</summary>
    public static IReadOnlyList<(BlockFaultKind Kind, long Count)> FaultsOf(string path)
    {
        long[] faults = Read(path)[2..].ToArray();
        return [.. faults.Select((count, kind) => ((BlockFaultKind)kind, count)).Where(f => f.count > 0)];
    }

    /// <summary>Nothing done and nothing found where a library has deleted the file.</summary>
    private static ReadOnlySpan<long> Read(string path)
    {
        try
        {
            return MemoryMarshal.Cast<byte, long>(File.ReadAllBytes(path)) is { Length: Kinds + 2 } whole ? whole : new long[Kinds + 2];
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return new long[Kinds + 2];
        }
    }
}
