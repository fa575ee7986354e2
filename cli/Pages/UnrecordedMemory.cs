using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Formats.Statistics;
using AllocReplay.Recorder;

namespace AllocReplay.Cli.Pages;

/// <summary>Says when most of a program's memory cannot have come from the calls that were recorded: a runtime's own heap, mapped files.</summary>
internal static class UnrecordedMemory
{
    /// <summary>Bytes that any program may have resident beside its blocks: code, stacks, what an allocator keeps.</summary>
    private const long Usual = 32 << 20;

    /// <summary>More than fragmentation makes of it.</summary>
    private const int Times = 3;

    /// <summary>Bytes of events above which the peak of live bytes is not looked for: the command has ended, and its user waits.</summary>
    private const long EventBytesMax = 64 << 20;

    /// <summary>A line, or null when the memory is accounted for or cannot be compared.</summary>
    /// <param name="reader">The recording: any image of it.</param>
    /// <param name="options">What was recorded.</param>
    /// <param name="result">What came of it.</param>
    public static string? Of(TraceReader reader, RecordOptions options, RecordResult result)
    {
        bool isPart = options.StartPaused || options.Sample > 1 || options.Duration is not null || !options.FollowChildren;
        if (isPart || result.PeakResidentBytes is not > Usual || reader.Images.Sum(i => i.EventBytes) > EventBytesMax)
            return null;
        ulong live = 0;
        bool isPython = false;
        foreach (ProcessImage image in reader.Images)
        {
            using TraceReader one = TraceReader.Open(reader.Path, image.Name);
            if (one.Process.Failure is not null)
                return null;
            live = Math.Max(live, TraceStatistics.Of(one).PeakLiveBytes);
            isPython |= Path.GetFileName(one.Process.Executable).StartsWith("python", StringComparison.Ordinal);
        }
        return Compare(result.PeakResidentBytes.Value, live, isPython);
    }

    internal static string? Compare(long resident, ulong live, bool isPython) =>
        resident <= Usual + Times * (double)live
            ? null
            : $"{Quantity.Bytes(resident)} were resident at the peak and {Quantity.Bytes(live)} recorded as live: the rest did not come from malloc, "
            + (isPython ? "but from Python's own allocator; with PYTHONMALLOC=malloc set it does" : "but from mapped files or a heap of the program's own");
}
