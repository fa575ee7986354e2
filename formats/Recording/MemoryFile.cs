using AllocReplay.Formats.Files;

namespace AllocReplay.Formats.Recording;

/// <summary>Reads the file <c>memory</c>: how much memory a process had, in order of time.</summary>
internal static class MemoryFile
{
    /// <summary>The samples that are there.</summary>
    /// <param name="directory">Of the process image.</param>
    /// <param name="startMonoNs">CLOCK_MONOTONIC at the start of the recording.</param>
    /// <exception cref="TraceFormatException">It is no regular file.</exception>
    public static IReadOnlyList<MemorySample> Read(ByteFolder directory, ulong startMonoNs)
    {
        using ByteSource? file = directory.Open(Wire.MemoryFile);
        return file is null ? [] : MemoryEntries.Decode(file.ReadAll(MemoryEntries.Max * MemoryEntries.Size), startMonoNs);
    }

    /// <summary>The latest sample; null where there is none.</summary>
    /// <inheritdoc cref="Read"/>
    public static MemorySample? ReadLatest(ByteFolder directory, ulong startMonoNs)
    {
        using ByteSource? file = directory.Open(Wire.MemoryFile);
        var bytes = new byte[MemoryEntries.Size];
        return file is not null && file.Length >= bytes.Length && file.Read(bytes, (file.Length / bytes.Length - 1) * bytes.Length) == bytes.Length
            ? MemoryEntries.Decode(bytes, startMonoNs)[0] : null;
    }
}
