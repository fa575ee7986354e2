using AllocReplay.Formats;
using AllocReplay.Replayer.Order;

namespace AllocReplay.Replayer.Plan;

/// <summary>What plans will take of a disk, before any is compiled.</summary>
/// <param name="Events">Events that are read; of a recording that is not packed, about so many.</param>
/// <param name="LeastBytes">Bytes that they take at the very least; 0 where that cannot be told.</param>
/// <param name="LikelyBytes">Bytes that they take as a rule, while they are compiled too.</param>
/// <param name="Directory">Where.</param>
/// <param name="FreeBytes">Bytes that are free there.</param>
public sealed record PlanForecast(long Events, long LeastBytes, long LikelyBytes, string Directory, long FreeBytes)
{
    private const int OpBytes = 16, TimeBytes = 8;
    private const int CallTimesBytes = 24; // while exact compiles a trace with latency
    private const int BytesPerEvent = 5; // in a recording, as a rule
    /// <summary>Ops for an event: calls with two arguments have two, and waits are ops.</summary>
    private const double DepsOps = 1.05, ExactOps = 1.35, TotalOps = 1.5;

    /// <param name="reader">The trace.</param>
    /// <param name="plans">Plans of it that will be there at one time.</param>
    /// <param name="directory">Where they are written.</param>
    public static PlanForecast Of(TraceReader reader, IReadOnlyList<PlanOptions> plans, string directory)
    {
        long events = reader.EventCount ?? reader.EventBytes / BytesPerEvent;
        bool isKnown = reader.EventCount is not null && reader.Range?.BoundsTime is not true;
        double likely = 0, least = 0;
        foreach (PlanOptions plan in plans)
        {
            double ops = plan.Order switch { ReplayOrder.Deps => DepsOps, ReplayOrder.Exact => ExactOps, _ => TotalOps };
            int bytes = OpBytes + (plan.IsTimed ? TimeBytes : 0);
            likely += events * (ops * bytes + (plan.Order == ReplayOrder.Exact && reader.Process.Latency ? CallTimesBytes : 0));
            least += isKnown ? events * (double)bytes : 0;
        }
        directory = Path.GetFullPath(directory);
        return new PlanForecast(events, (long)least, (long)likely, directory, new DriveInfo(directory).AvailableFreeSpace);
    }

    /// <exception cref="ReplayException">There is less room than they take at the least.</exception>
    public void Require()
    {
        if (LeastBytes > FreeBytes)
        {
            throw new ReplayException(ReplayFailure.DiskShort,
                $"{Directory}: the replay plan of {Events:N0} events takes {Size(LeastBytes)} or more there, {Size(FreeBytes)} are free");
        }
    }

    private static string Size(long bytes) => FormattableString.Invariant($"{bytes / (double)(1 << 20):N0} MiB");
}
