using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using AllocReplay.Formats.Files;

namespace AllocReplay.Formats.Recording;

/// <summary>Reads the file <c>memory</c>: how much memory a process had, in order of time.</summary>
internal static class MemoryFile
{
    /// <summary>More entries than a writer leaves; the rest is ignored, so that a hostile file costs no more.</summary>
    private const int EntriesMax = 1_000_000;

    /// <summary>Bytes of an entry.</summary>
    public static int EntrySize => Unsafe.SizeOf<MemoryEntry>();

    /// <summary>The samples that are there.</summary>
    /// <param name="directory">Of the process image.</param>
    /// <param name="startMonoNs">CLOCK_MONOTONIC at the start of the recording.</param>
    /// <exception cref="TraceFormatException">It is no regular file.</exception>
    public static IReadOnlyList<MemorySample> Read(ByteFolder directory, ulong startMonoNs)
    {
        using ByteSource? file = directory.Open(Wire.MemoryFile);
        return file is null ? [] : Decode(file.ReadAll(EntriesMax * EntrySize), startMonoNs);
    }

    /// <summary>The latest sample; null where there is none.</summary>
    /// <inheritdoc cref="Read"/>
    public static MemorySample? ReadLatest(ByteFolder directory, ulong startMonoNs)
    {
        using ByteSource? file = directory.Open(Wire.MemoryFile);
        var bytes = new byte[EntrySize];
        return file is not null && file.Length >= bytes.Length && file.Read(bytes, (file.Length / EntrySize - 1) * EntrySize) == bytes.Length
            ? Decode(bytes, startMonoNs)[0] : null;
    }

    /// <summary>
    /// The samples of some bytes. A last one that is cut short was never finished; one that is not later than the one before it is none, so that they are in
    /// order of time whatever is in the file.
    /// </summary>
    public static IReadOnlyList<MemorySample> Decode(ReadOnlySpan<byte> bytes, ulong startMonoNs)
    {
        ReadOnlySpan<MemoryEntry> entries = MemoryMarshal.Cast<byte, MemoryEntry>(bytes);
        entries = entries[..Math.Min(entries.Length, EntriesMax)];
        var samples = new List<MemorySample>(entries.Length);
        foreach (MemoryEntry entry in entries)
        {
            long ns = Saturated(entry.MonoNs > startMonoNs ? entry.MonoNs - startMonoNs : 0);
            if (samples.Count == 0 || ns > samples[^1].TimeNs)
                samples.Add(new(ns, Saturated(entry.Resident), Saturated(entry.Anonymous), Saturated(entry.Swapped), Saturated(entry.PeakResident)));
        }
        return samples;
    }

    /// <summary>The bytes of samples, whose times count from 0.</summary>
    public static byte[] Encode(IReadOnlyList<MemorySample> samples)
    {
        MemoryEntry[] entries = [.. samples.Select(s => new MemoryEntry
        {
            MonoNs = (ulong)s.TimeNs,
            Resident = (ulong)s.ResidentBytes,
            Anonymous = (ulong)s.AnonymousBytes,
            Swapped = (ulong)s.SwappedBytes,
            PeakResident = (ulong)s.PeakResidentBytes,
        })];
        return MemoryMarshal.AsBytes(entries.AsSpan()).ToArray();
    }

    /// <summary>
    /// What stays of entries where there are to be fewer: all that are apart by some part of their age. So moments stay known as well as their age asks for,
    /// the latest ones exactly, and however long it goes on there are never more than some.
    /// </summary>
    /// <param name="entries">In order of time.</param>
    /// <param name="atMost">How many there may be. Of entries that come ten times a second, for a century, no more than half as many stay.</param>
    /// <returns>Those that stay, the first and the last among them.</returns>
    public static MemoryEntry[] Thin(ReadOnlySpan<MemoryEntry> entries, int atMost)
    {
        const int agesShare = 32;
        var stays = new List<MemoryEntry>(entries.Length);
        for (int i = 0; i < entries.Length; i++)
            if (i == 0 || i == entries.Length - 1
                || (entries[i].MonoNs - stays[^1].MonoNs) * (ulong)Math.Max(1, atMost / agesShare) >= entries[^1].MonoNs - entries[i].MonoNs)
                stays.Add(entries[i]);
        return [.. stays];
    }

    private static long Saturated(ulong value) => (long)Math.Min(value, long.MaxValue);
}
