namespace AllocReplay.Replayer;

/// <summary>Refuses a replay that the machine has no memory for, before it pushes other programs out.</summary>
public static class MemoryGuard
{
    private const long StackBytes = 32 * 1024; // present for each thread of the worker

    /// <exception cref="ReplayException">The trace's live blocks and the harness need more than is available.</exception>
    public static void Require(ReplayPlan plan, long availableBytes)
    {
        ulong needed = plan.Trace.PeakLiveBytes + (ulong)(plan.Counts.Slots * 8 + plan.Expected.Count * StackBytes);
        if (needed > (ulong)availableBytes)
        {
            throw new ReplayException(ReplayFailure.NotPossible,
                $"the trace has {plan.Trace.PeakLiveBytes / 1e6:N0} MB live at its peak; with the harness it needs {needed / 1e6:N0} MB, "
                + $"{availableBytes / 1e6:N0} MB are available");
        }
    }

    /// <summary>MemAvailable of this machine in bytes; unlimited where it cannot be read.</summary>
    public static long Available()
    {
        foreach (string line in File.ReadLines("/proc/meminfo"))
            if (line.StartsWith("MemAvailable:", StringComparison.Ordinal))
                return long.Parse(line.AsSpan(13, line.Length - 13 - 2).Trim(), System.Globalization.CultureInfo.InvariantCulture) * 1024;
        return long.MaxValue;
    }
}
