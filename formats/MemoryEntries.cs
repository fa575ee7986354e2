using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace AllocReplay.Formats;

/// <summary>How much memory a process had at a moment, as it is stored: in bytes. Written by the drain alone, so that no C has it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct MemoryEntry
{
    /// <summary>CLOCK_MONOTONIC in ns; in a packed trace ns since the start of the recording.</summary>
    public ulong MonoNs;
    public ulong Resident;
    public ulong Anonymous;
    public ulong Swapped;
    public ulong PeakResident;
}

/// <summary>Entries to samples and back; and fewer entries of many.</summary>
internal static class MemoryEntries
{
    /// <summary>More than a writer leaves; the rest is ignored, so that a hostile file costs no more.</summary>
    public const int Max = 1_000_000;

    /// <summary>Bytes of one.</summary>
    public static int Size => Unsafe.SizeOf<MemoryEntry>();

    /// <summary>
    /// The samples of some bytes. A last one that is cut short was never finished; one that is not later than the one before it is none, so that they are in
    /// order of time whatever is in the file.
    /// </summary>
    public static IReadOnlyList<MemorySample> Decode(ReadOnlySpan<byte> bytes, ulong startMonoNs)
    {
        ReadOnlySpan<MemoryEntry> entries = MemoryMarshal.Cast<byte, MemoryEntry>(bytes);
        entries = entries[..Math.Min(entries.Length, Max)];
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
