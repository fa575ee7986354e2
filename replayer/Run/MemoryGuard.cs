using AllocReplay.Replayer.Plan;

namespace AllocReplay.Replayer.Run;

/// <summary>Refuses a replay that the machine has no memory for, before it pushes other programs out.</summary>
public static class MemoryGuard
{
    private const long StackBytes = 32 * 1024; // present for each thread of the worker

    /// <param name="plan">What is to be replayed.</param>
    /// <param name="availableBytes">What the machine has left.</param>
    /// <param name="maxLiveBytes">What the trace may have live, whatever the machine has; null: what is available.</param>
    /// <exception cref="ReplayException">The trace's live blocks and the harness need more.</exception>
    public static void Require(ReplayPlan plan, long availableBytes, long? maxLiveBytes = null)
    {
        if (maxLiveBytes is { } allowed)
        {
            if (plan.Trace.PeakLiveBytes > (ulong)allowed)
            {
                throw new ReplayException(ReplayFailure.MemoryShort,
                    $"the trace has {Size(plan.Trace.PeakLiveBytes)} live at its peak, more than the {Size((ulong)allowed)} that it was allowed");
            }
            return;
        }
        var needed = (ulong)NeededBy(plan);
        if (needed > (ulong)availableBytes)
        {
            throw new ReplayException(ReplayFailure.MemoryShort,
                $"the trace has {Size(plan.Trace.PeakLiveBytes)} live at its peak; with the harness it needs {Size(needed)}, "
                + $"{Size((ulong)availableBytes)} are available");
        }
    }

    /// <summary>Bytes that a replay needs at the least: what is live at the peak, and the harness.</summary>
    public static long NeededBy(ReplayPlan plan) => (long)plan.Trace.PeakLiveBytes + plan.Counts.Slots * 8 + plan.Expected.Count * StackBytes;

    /// <summary>MemAvailable of this machine in bytes, or what the control group allows where that is less.</summary>
    public static long Available()
    {
        long allowed = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        foreach (string line in File.ReadLines("/proc/meminfo"))
            if (line.StartsWith("MemAvailable:", StringComparison.Ordinal))
                return Math.Min(allowed, long.Parse(line.AsSpan(13, line.Length - 13 - 2).Trim(), System.Globalization.CultureInfo.InvariantCulture) * 1024);
        return allowed;
    }

    private static string Size(ulong bytes) => bytes < 10 << 20
        ? FormattableString.Invariant($"{bytes / (double)(1 << 10):N1} KiB")
        : FormattableString.Invariant($"{bytes / (double)(1 << 20):N1} MiB");
}
