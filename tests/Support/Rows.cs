using AllocReplay.Analyzer.Passes;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Formats;
using AllocReplay.Formats.Statistics;

namespace AllocReplay.Tests.Support;

/// <summary>Collects what the matcher finds, by object id.</summary>
internal sealed class Rows : IAllocationSink
{
    private readonly List<AllocationRow> _rows = [];

    public void Add(in AllocationRow row) => _rows.Add(row);

    /// <summary>Matches a recording.</summary>
    public static List<AllocationRow> Of(string directory)
    {
        using TraceReader reader = TraceReader.Open(directory);
        return Of(reader);
    }

    /// <summary>Matches one that has not been read from.</summary>
    public static List<AllocationRow> Of(TraceReader reader)
    {
        var rows = new Rows();
        var statistics = new TraceStatistics(reader.Carried);
        statistics.Certainty.See(reader);
        var matcher = new LifetimeMatcher(rows, reader.Process.Latency, certainty: statistics.Certainty);
        reader.ForEach([statistics, matcher]);
        Assert.Null(reader.Damage);
        matcher.Finish(statistics.DurationNs);
        rows._rows.Sort((a, b) => a.Object.CompareTo(b.Object));
        return rows._rows;
    }
}
