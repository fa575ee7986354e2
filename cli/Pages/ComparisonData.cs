using System.Globalization;
using AllocReplay.Replayer.Compare;

namespace AllocReplay.Cli.Pages;

/// <summary>
/// A comparison as a page takes it: the report as <c>--json</c> has it, but for its long lists, which are columns here and thinned. What is left of
/// them are figures of the report, none is made up.
/// </summary>
/// <param name="Report">All but gate, runs, memory and latency.</param>
/// <param name="Gate">The report's gate in words, failures first.</param>
/// <param name="Ratios">Of runs to the first configuration's of the same block: by metric, then row.</param>
/// <param name="Memory">By row.</param>
/// <param name="Latency">By row.</param>
internal sealed record ComparisonData(
    ComparisonReport Report, IReadOnlyList<GateLine> Gate, IReadOnlyDictionary<string, double[][]> Ratios,
    IReadOnlyList<ComparisonData.MemoryColumns> Memory, ComparisonData.LatencyColumns Latency)
{
    /// <summary>As many digits as a pixel can show of a run or a point.</summary>
    private const int Digits = 6, DigitsOfTime = 4;

    private const int RunsOfPoint = 4;

    /// <param name="report">The report.</param>
    /// <param name="points">
    /// So many of each curve at the most, or a few more; of runs, which say more each, <see cref="RunsOfPoint"/> times as many.
    /// </param>
    public static ComparisonData Of(ComparisonReport report, int points) => new(
        report with { Gate = [], Runs = [], Rows = [.. report.Rows.Select(r => r with { Memory = [], Latency = [] })] },
        [.. GateLine.Sorted(GateLine.Of(report))],
        report.Metrics.ToDictionary(m => m.Name, m => RatiosOf(report, m.Name, points * RunsOfPoint)),
        [.. report.Rows.Select(r => MemoryColumns.Of(Thin(r.Memory, points)))],
        LatencyColumns.Of(report.Rows, points));

    /// <summary>Where there are more runs than that, some between the least and the greatest, which are where one looks for them.</summary>
    private static double[][] RatiosOf(ComparisonReport report, string metric, int most)
    {
        ILookup<int, double> ratios = report.Runs.Where(r => r.Ratios.ContainsKey(metric)).ToLookup(r => r.Row, r => r.Ratios[metric]);
        return [.. Enumerable.Range(0, report.Rows.Count).Select(row => Thin([.. ratios[row]]))];

        double[] Thin(double[] values)
        {
            int every = (values.Length + most - 1) / most;
            return [.. values.Order().Where((_, i) => i % every == 0 || i == values.Length - 1).Select(v => Round(v, Digits))];
        }
    }

    /// <summary>Of each so many points in a row the one with most memory, which is what is looked for, and the last of all.</summary>
    private static MemoryPoint[] Thin(IReadOnlyList<MemoryPoint> memory, int points) => memory.Count <= points
        ? [.. memory]
        : [.. memory.SkipLast(1).Chunk((memory.Count + points - 1) / points).Select(c => c.MaxBy(p => p.ResidentBytes)!), memory[^1]];

    /// <summary>
    /// The ends of a curve, and points between that lie about equally far apart on logarithmic axes of time and of the calls that took longer:
    /// where the curve says most.
    /// </summary>
    private static IReadOnlyList<IReadOnlyList<double>> Thin(IReadOnlyList<IReadOnlyList<double>> curve, long count, int points)
    {
        if (curve.Count <= points)
            return curve;
        double step = Enumerable.Range(1, curve.Count - 1).Sum(i => Distance(curve[i - 1], curve[i])) / (points - 1), since = 0;
        var thin = new List<IReadOnlyList<double>> { curve[0] };
        for (int i = 1; i < curve.Count - 1; i++)
        {
            since += Distance(curve[i - 1], curve[i]);
            if (since < step)
                continue;
            thin.Add(curve[i]);
            since = 0;
        }
        return [.. thin, curve[^1]];

        double Distance(IReadOnlyList<double> a, IReadOnlyList<double> b) =>
            Math.Abs(Math.Log(Math.Max(1, b[0]) / Math.Max(1, a[0]))) + Math.Abs(Math.Log(Tail(b[1]) / Tail(a[1])));

        double Tail(double share) => Math.Max(1 - share, 0.5 / Math.Max(1, count));
    }

    private static double Round(double value, int digits) =>
        double.Parse(value.ToString("G" + digits.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    /// <summary>Points of memory, a list for each of their properties.</summary>
    internal sealed record MemoryColumns(IReadOnlyList<long> Calls, IReadOnlyList<long> Resident, IReadOnlyList<long> Live)
    {
        public static MemoryColumns Of(IReadOnlyList<MemoryPoint> points) =>
            new([.. points.Select(p => p.Calls)], [.. points.Select(p => p.ResidentBytes)], [.. points.Select(p => p.LiveBytes)]);
    }

    /// <summary>Kind and sizes of calls.</summary>
    internal sealed record LatencyClass(string Kind, ulong SizeLow, ulong SizeHigh);

    /// <summary>Latency of a row's calls of one class.</summary>
    /// <param name="Class">Place of the class.</param>
    /// <param name="Count">Calls.</param>
    /// <param name="Percentiles">Nanoseconds, in the order of the percentiles; null where it has none.</param>
    /// <param name="Curve">Nanoseconds and share of the first point, of the second, and so on.</param>
    internal sealed record LatencyOfClass(int Class, long Count, IReadOnlyList<double?> Percentiles, IReadOnlyList<double> Curve);

    /// <summary>Latency of all rows.</summary>
    internal sealed record LatencyColumns(
        IReadOnlyList<LatencyClass> Classes, IReadOnlyList<string> Percentiles, IReadOnlyList<IReadOnlyList<LatencyOfClass>> Rows)
    {
        public static LatencyColumns Of(IReadOnlyList<ComparisonRow> rows, int points)
        {
            LatencyFacts[] all = [.. rows.SelectMany(r => r.Latency)];
            LatencyClass[] classes = [.. all.Select(ClassOf).Distinct()];
            string[] percentiles = [.. all.SelectMany(l => l.Percentiles.Keys).Distinct().OrderBy(p => double.Parse(p, CultureInfo.InvariantCulture))];
            Dictionary<LatencyClass, int> places = classes.Select((c, i) => (c, i)).ToDictionary();
            return new(classes, percentiles, [.. rows.Select(r => (IReadOnlyList<LatencyOfClass>)[.. r.Latency.Select(l => new LatencyOfClass(
                places[ClassOf(l)], l.Count, [.. percentiles.Select(p => l.Percentiles.TryGetValue(p, out double ns) ? Round(ns, Digits) : (double?)null)],
                [.. Thin(l.Curve, l.Count, points).SelectMany(p => new[] { Round(p[0], DigitsOfTime), ShareOf(p[1]) })]))])]);
        }

        private static LatencyClass ClassOf(LatencyFacts l) => new(l.Kind, l.SizeLow, l.SizeHigh);

        /// <summary>In as many digits as tell how many calls took longer.</summary>
        private static double ShareOf(double share) => share >= 1 ? 1 : Math.Round(share, Math.Clamp((int)Math.Ceiling(-Math.Log10(1 - share)) + 3, 3, 15));
    }
}
