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
    /// <summary>What it acquires before the clock starts; null where the trace is there from its beginning.</summary>
    public required CarriedBlocks? Carried { get; init; }
    public required MergeStatistics Merge { get; init; }
    /// <summary>Damage that ended the trace early, or null.</summary>
    public required TraceFormatException? Damage { get; init; }
    /// <summary>What of the program's execution it does not have as it was.</summary>
    public required IReadOnlyList<Departure> Departures { get; init; }
    /// <summary>By thread index.</summary>
    public required IReadOnlyList<ThreadExpectation> Expected { get; init; }
    /// <summary>Names of the threads, by index.</summary>
    public required IReadOnlyList<string> ThreadNames { get; init; }

    /// <summary>Whether it was there already, and has not been compiled.</summary>
    public bool IsTaken { get; private init; }

    /// <summary>Compiles a trace, reading it to its end.</summary>
    /// <param name="reader">The trace, not yet read from.</param>
    /// <param name="options">What the plan keeps.</param>
    /// <param name="keepAs">Where to keep the plan, in place of what is there; null for a temporary file that goes with this object.</param>
    /// <param name="progress">Told the fraction done, where that can be told.</param>
    /// <param name="token">Ends the work; no plan is left.</param>
    public static ReplayPlan Compile(
        TraceReader reader, PlanOptions? options = null, string? keepAs = null, IProgress<double>? progress = null, CancellationToken token = default)
    {
        options ??= new PlanOptions();
        PlanIdentity? identity = keepAs is null ? null : PlanIdentity.Of(reader, options);
        string written = keepAs is null ? System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"allocreplay-{Guid.NewGuid():N}.plan")
            : $"{keepAs}.{Guid.NewGuid():N}.tmp";
        string directory = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(written))!;
        bool isBegun = false;
        try
        {
            using var builder = new PlanBuilder(directory, reader.Threads.Count, reader.MainThread, reader.Process.Latency, options);
            var requests = new ThreadRequests(reader.Threads.Count);
            var carried = new CarriedTally(reader);
            reader.ForEach([requests, carried, builder], progress, token);
            PlanFacts? facts = null;
            var file = new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                BufferSize = 1 << 16,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            };
            using (var output = new FileStream(written, file))
            {
                isBegun = true;
                // A part of a trace begins with its first op, wherever its recording does.
                long? cutNs = reader.Range is null ? reader.Carried?.UntilNs : null;
                builder.Write(output, cutNs, () => (facts = FactsOf(reader, builder, requests, carried.Complete(), identity)).ToBytes());
            }
            if (keepAs is not null)
                File.Move(written, keepAs, overwrite: true);
            return Of(keepAs ?? written, keepAs is null, facts!, reader.Image, reader.Range, options.Order, reader.Damage);
        }
        catch when (isBegun)
        {
            File.Delete(written);
            throw;
        }
    }

    /// <summary>Takes a plan that was kept, where it is the one that would be compiled.</summary>
    /// <remarks>It may come from a stranger. All of it is looked at: what it would have the worker do is what a plan may have it do.</remarks>
    /// <param name="path">The plan file.</param>
    /// <param name="identity">What the plan is to be of.</param>
    /// <exception cref="PlanFileException">It is another, or none, or damaged.</exception>
    public static ReplayPlan Open(string path, PlanIdentity identity)
    {
        PlanFacts facts = PlanFileReader.Read(path, identity);
        return Of(path, temporary: false, facts, identity.Image, identity.Range, identity.Order, damage: null, isTaken: true);
    }

    private static PlanFacts FactsOf(TraceReader reader, PlanBuilder builder, ThreadRequests requests, CarriedBlocks? carried, PlanIdentity? identity) => new()
    {
        Identity = reader.Damage is null ? identity : null,
        Counts = builder.Counts,
        Trace = builder.Totals,
        Carried = carried,
        Merge = reader.Merge,
        Departures = Departure.Of(reader.Process, builder.Counts),
        Expected = requests.Expect(builder.Threads),
        ThreadNames = [.. reader.Threads.Select(t => t.Name)],
    };

    private static ReplayPlan Of(
        string path, bool temporary, PlanFacts facts, string image, TraceRange? range, ReplayOrder order, TraceFormatException? damage, bool isTaken = false) =>
        new(path, temporary)
        {
            Image = image,
            Range = range,
            Order = order,
            Counts = facts.Counts,
            Trace = facts.Trace,
            Carried = facts.Carried,
            Merge = facts.Merge,
            Damage = damage,
            Departures = facts.Departures,
            Expected = facts.Expected,
            ThreadNames = facts.ThreadNames,
            IsTaken = isTaken,
        };

    public void Dispose()
    {
        if (_temporary)
            File.Delete(Path);
    }
}
