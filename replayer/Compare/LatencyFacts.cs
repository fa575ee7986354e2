using System.Globalization;
using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Replayer.Compare;

/// <summary>How long calls of one kind and size take.</summary>
/// <param name="Kind">Name of the call, such as <c>malloc</c>; <c>all</c> for all that acquire.</param>
/// <param name="SizeLow">Least size of the class, bytes.</param>
/// <param name="SizeHigh">Greatest size of the class, bytes.</param>
/// <param name="Count">Calls of all runs.</param>
/// <param name="Percentiles">Nanoseconds by percentile, rising: 50, 90, 99, 99.9, 99.99, 100.</param>
/// <param name="Curve">
/// The distribution: pairs of nanoseconds and of the share of calls that took no longer, at shares that come ten times nearer to 1 in five steps, as far as
/// there are calls to tell.
/// </param>
public sealed record LatencyFacts(
    string Kind, ulong SizeLow, ulong SizeHigh, long Count, IReadOnlyDictionary<string, double> Percentiles, IReadOnlyList<IReadOnlyList<double>> Curve)
{
    internal const string All = "all";
    private const int StepsInTen = 5;

    /// <summary>The percentiles that are told.</summary>
    internal static IReadOnlyList<double> Told { get; } = [50, 90, 99, 99.9, 99.99, 100];

    /// <summary>All acquisitions of a run.</summary>
    internal static LatencyHistogram Acquisitions(WorkerResult run) => LatencyHistogram.Merge(run.Latency.Where(Acquires).Select(l => l.Times));

    /// <summary>Over runs: all acquisitions, then by kind and size.</summary>
    internal static IReadOnlyList<LatencyFacts> Of(IEnumerable<WorkerResult> runs)
    {
        WorkerLatency[] all = [.. runs.SelectMany(r => r.Latency)];
        WorkerLatency[] acquired = [.. all.Where(Acquires)];
        return all.Length == 0 ? [] :
        [
            .. acquired.Length == 0 ? Array.Empty<LatencyFacts>() : [Of(All, acquired.Min(l => l.SizeLow), acquired.Max(l => l.SizeHigh), acquired)],
            .. all.GroupBy(l => (l.Kind, l.SizeLow, l.SizeHigh))
                .OrderBy(g => CallKinds.IsDeallocation(g.Key.Kind)).ThenBy(g => g.Key.Kind).ThenBy(g => g.Key.SizeLow)
                .Select(g => Of(CallKinds.CallName(g.Key.Kind), g.Key.SizeLow, g.Key.SizeHigh, g)),
        ];
    }

    private static bool Acquires(WorkerLatency latency) => !CallKinds.IsDeallocation(latency.Kind) && !CallKinds.IsReallocEnd(latency.Kind);

    private static LatencyFacts Of(string kind, ulong low, ulong high, IEnumerable<WorkerLatency> of)
    {
        LatencyHistogram times = LatencyHistogram.Merge(of.Select(l => l.Times));
        var curve = new List<IReadOnlyList<double>>();
        for (int step = 0; Math.Pow(10, -(double)step / StepsInTen) * times.Count >= 1; step++)
        {
            double share = 1 - Math.Pow(10, -(double)step / StepsInTen);
            curve.Add([times.Percentile(100 * share), share]);
        }
        curve.Add([times.Max, 1]);
        return new LatencyFacts(
            kind, low, high, times.Count, Told.ToDictionary(p => p.ToString(CultureInfo.InvariantCulture), times.Percentile), curve);
    }
}
