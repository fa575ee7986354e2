namespace AllocReplay.Formats;

/// <summary>How much memory a process had at a moment, as the kernel counts it.</summary>
/// <param name="TimeNs">When, nanoseconds since the start of the recording.</param>
/// <param name="ResidentBytes">Bytes in memory, of all that it has mapped: programs and files too, and what it shares with others.</param>
/// <param name="AnonymousBytes">Those of them that are of no file: heaps, stacks, what was written of private mappings.</param>
/// <param name="SwappedBytes">Bytes that were written out to swap, and are not in the others.</param>
/// <param name="PeakResidentBytes">The most bytes that were in memory up to then, between samples too.</param>
public readonly record struct MemorySample(long TimeNs, long ResidentBytes, long AnonymousBytes, long SwappedBytes, long PeakResidentBytes);
