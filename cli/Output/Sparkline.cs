namespace AllocReplay.Cli.Output;

/// <summary>A row of bars, one character each, that shows how a quantity goes over time.</summary>
internal static class Sparkline
{
    /// <summary>None, then an eighth of the highest value each.</summary>
    private const string Bars = " ▁▂▃▄▅▆▇█";

    /// <summary>One character for each value, relative to the highest. Only what is 0 is blank.</summary>
    public static string Render(IReadOnlyList<double> values)
    {
        double highest = values.Count == 0 ? 0 : values.Max();
        return string.Concat(values.Select(v => v <= 0 ? Bars[0] : Bars[Math.Clamp((int)Math.Ceiling(v / highest * (Bars.Length - 1)), 1, Bars.Length - 1)]));
    }

    /// <summary>Calls a second, in as many columns as fit: each takes whole buckets, and the last what is left of time.</summary>
    /// <param name="calls">Calls in each bucket.</param>
    /// <param name="bucketNs">Width of a bucket.</param>
    /// <param name="spanNs">Time from the first bucket's start to the last event.</param>
    /// <param name="width">Columns at most.</param>
    public static double[] Rates(IReadOnlyList<long> calls, long bucketNs, long spanNs, int width) =>
        Columns(calls.Count, width, (from, to) =>
        {
            // The last bucket is not over. It counts as one whole bucket at least: a moment with an event is no rate.
            double ns = Math.Max(bucketNs, Math.Min((double)to * bucketNs, spanNs) - (double)from * bucketNs);
            return Enumerable.Range(from, to - from).Sum(i => calls[i]) / ns * 1e9;
        });

    /// <summary>The highest value in each of as many columns as fit.</summary>
    public static double[] Peaks(IReadOnlyList<ulong> values, int width) =>
        Columns(values.Count, width, (from, to) => Enumerable.Range(from, to - from).Max(i => values[i]));

    /// <summary>The column that a bucket falls into.</summary>
    public static int ColumnOf(int bucket, int buckets, int width)
    {
        int columns = Math.Min(buckets, width);
        return Enumerable.Range(0, columns).Last(c => First(c, buckets, columns) <= bucket);
    }

    private static double[] Columns(int buckets, int width, Func<int, int, double> value)
    {
        int columns = Math.Min(buckets, width);
        return [.. Enumerable.Range(0, columns).Select(c => value(First(c, buckets, columns), First(c + 1, buckets, columns)))];
    }

    private static int First(int column, int buckets, int columns) => (int)((long)column * buckets / columns);
}
