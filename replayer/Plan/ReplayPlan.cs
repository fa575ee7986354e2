using AllocReplay.Formats;
using AllocReplay.Formats.Merge;
using AllocReplay.Replayer.Order;

namespace AllocReplay.Replayer.Plan;

/// <summary>A compiled trace: a plan file for the worker, and what its replay must amount to.</summary>
public sealed class ReplayPlan : IDisposable
{
    private readonly bool _temporary;

    private ReplayPlan(string path, bool temporary) => (Path, _temporary) = (path, temporary);

    /// <summary>The process image that it is of.</summary>
    public required string Image { get; init; }
    /// <summary>The part of that, or null for all.</summary>
    public required TraceRange? Range { get; init; }
    /// <summary>The order that it keeps.</summary>
    public required ReplayOrder Order { get; init; }
    /// <summary>The plan file.</summary>
    public string Path { get; }
    public required PlanCounts Counts { get; init; }
    /// <summary>Totals of the trace, taken from its calls as they were compiled.</summary>
    public required TraceTotals Trace { get; init; }
    public required MergeStatistics Merge { get; init; }
    /// <summary>Damage that ended the trace early, or null.</summary>
    public required TraceFormatException? Damage { get; init; }
    /// <summary>What of the program's execution it does not have as it was.</summary>
    public required IReadOnlyList<Departure> Departures { get; init; }
    /// <summary>By thread index.</summary>
    public required IReadOnlyList<ThreadExpectation> Expected { get; init; }
    /// <summary>Names of the threads, by index.</summary>
    public required IReadOnlyList<string> ThreadNames { get; init; }

    /// <summary>Compiles a trace, reading it to its end.</summary>
    /// <param name="reader">The trace, not yet read from.</param>
    /// <param name="options">What the plan keeps.</param>
    /// <param name="keepAs">Where to keep the plan; null for a temporary file that goes with this object.</param>
    /// <param name="progress">Told the fraction done, where that can be told.</param>
    /// <param name="token">Ends the work; no plan is left.</param>
    public static ReplayPlan Compile(
        TraceReader reader, PlanOptions? options = null, string? keepAs = null, IProgress<double>? progress = null, CancellationToken token = default)
    {
        string path = keepAs ?? System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"allocreplay-{Guid.NewGuid():N}.plan");
        string directory = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;
        bool isBegun = false;
        try
        {
            using var builder = new PlanBuilder(directory, reader.Threads.Count, reader.MainThread, reader.Process.Latency, options ?? new PlanOptions());
            var requests = new ThreadRequests(reader.Threads.Count);
            using (var compiler = new SinkRelay(builder))
            {
                reader.ForEach([requests, compiler], progress, token);
                compiler.Complete();
            }
            var file = new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                BufferSize = 1 << 16,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            };
            using (var output = new FileStream(path, file))
            {
                isBegun = true;
                builder.Write(output);
            }
            return new ReplayPlan(path, keepAs is null)
            {
                Image = reader.Image,
                Range = reader.Range,
                Order = (options ?? new PlanOptions()).Order,
                Counts = builder.Counts,
                Trace = builder.Totals,
                Merge = reader.Merge,
                Damage = reader.Damage,
                Departures = Departure.Of(reader.Process, builder.Counts),
                Expected = requests.Expect(builder.Threads),
                ThreadNames = reader.Threads.Select(t => t.Name).ToList(),
            };
        }
        catch when (isBegun)
        {
            File.Delete(path);
            throw;
        }
    }

    public void Dispose()
    {
        if (_temporary)
            File.Delete(Path);
    }
}
