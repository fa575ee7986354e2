using AllocReplay.Formats.Statistics;

namespace AllocReplay.Formats.Summary;

/// <summary>Most of a program's memory cannot have come from the calls that were recorded: a runtime's own heap, or mapped files.</summary>
/// <param name="ResidentBytes">Resident at the peak, as the kernel counted them.</param>
/// <param name="LiveBytes">Recorded as live at the peak of the process image that had most.</param>
/// <param name="IsPython">A process image ran Python, whose small objects come from an allocator of its own.</param>
public sealed record UnrecordedMemory(long ResidentBytes, ulong LiveBytes, bool IsPython)
{
    /// <summary>Bytes that any program may have resident beside its blocks: code, stacks, what an allocator keeps.</summary>
    private const long Usual = 32 << 20;

    /// <summary>More than fragmentation makes of it.</summary>
    private const int Times = 3;

    /// <summary>Bytes of events above which the peak of live bytes is not looked for: the program has ended, and its user waits.</summary>
    private const long EventBytesMax = 64 << 20;

    /// <summary>Whether memory is more than blocks, and what comes with any, account for.</summary>
    /// <param name="bytes">Of the program.</param>
    /// <param name="liveBytes">In blocks that were recorded.</param>
    internal static bool Is(long bytes, double liveBytes) => bytes > Usual + Times * liveBytes;

    /// <summary>Whether an executable is Python's, whose small objects come from an allocator of its own.</summary>
    public static bool IsOfPython(string executable) => Path.GetFileName(executable).StartsWith("python", StringComparison.Ordinal);

    /// <summary>Compares a whole recording with what was resident.</summary>
    /// <param name="trace">The recording, of all that the program did.</param>
    /// <param name="residentBytes">Resident bytes of the program at their peak.</param>
    /// <returns>What was found; null when the memory is accounted for, or cannot be compared.</returns>
    /// <exception cref="TraceFormatException">A process image cannot be read.</exception>
    public static UnrecordedMemory? Of(Trace trace, long residentBytes)
    {
        if (residentBytes <= Usual || trace.Images.Sum(i => i.EventBytes) > EventBytesMax)
            return null;
        ulong live = 0;
        bool isPython = false;
        foreach (ProcessImage image in trace.Images)
        {
            using TraceReader reader = trace.OpenImage(image.Name);
            if (reader.Process.Failure is not null)
                return null;
            live = Math.Max(live, TraceStatistics.Of(reader).PeakLiveBytes);
            isPython |= IsOfPython(reader.Process.Executable);
        }
        return Is(residentBytes, live) ? new UnrecordedMemory(residentBytes, live, isPython) : null;
    }
}
