using System.Text.Json.Serialization;

namespace AllocReplay.Replayer.Compare.Corpus;

/// <summary>What a comparison over several traces shows, in the shape that <c>compare --json</c> prints of several.</summary>
public sealed record CorpusReport
{
    /// <summary>Every trace, in its turn.</summary>
    public required IReadOnlyList<TraceResult> Traces { get; init; }
    /// <summary>What there is beside them that was not compared.</summary>
    public IReadOnlyList<LeftOut> LeftOut { get; init; } = [];
    /// <summary>The means over the traces; null where not one was compared to its end.</summary>
    public required CorpusSummary? Summary { get; init; }
    /// <summary>Time that all took, seconds.</summary>
    public required double ElapsedSeconds { get; init; }
    /// <summary>Time that all had, seconds; null where the number of blocks was given.</summary>
    public required double? BudgetSeconds { get; init; }
    /// <summary>Time that would have given each trace runs enough for intervals, about, seconds; null where each had them.</summary>
    public required double? BudgetNeededSeconds { get; init; }
    /// <summary>Whether it was ended before it was done: what is told is what was finished.</summary>
    public required bool IsInterrupted { get; init; }

    /// <summary>The reports of the traces that have one.</summary>
    [JsonIgnore]
    public IEnumerable<ComparisonReport> Reports => Traces.Select(t => t.Report).OfType<ComparisonReport>();

    /// <param name="traces">What became of each.</param>
    /// <param name="options">How all were compared.</param>
    /// <param name="elapsed">Time that all took.</param>
    public static CorpusReport Of(IReadOnlyList<TraceResult> traces, ComparisonOptions options, TimeSpan elapsed) => new()
    {
        Traces = traces,
        Summary = CorpusSummary.Of(traces),
        ElapsedSeconds = elapsed.TotalSeconds,
        BudgetSeconds = options.Blocks is null ? options.Budget.TotalSeconds : null,
        BudgetNeededSeconds = CorpusTime.Needed(traces),
        IsInterrupted = traces.Any(t => t.Failure?.Kind == TraceFailureKind.Interrupted || t.Report?.IsInterrupted == true),
    };
}

/// <summary>What became of a trace.</summary>
/// <param name="Name">What it is called in tables and gates.</param>
/// <param name="Trace">As it was named, and which process image of it.</param>
/// <param name="Failure">Why it was not compared; null where it was.</param>
/// <param name="Report">Its own comparison; null where there is none.</param>
public sealed record TraceResult(string Name, string Trace, TraceFailure? Failure, ComparisonReport? Report);

/// <summary>Why a trace was not compared.</summary>
/// <param name="Kind">Of what kind the reason is.</param>
/// <param name="Reason">What it is, one line.</param>
/// <param name="Cause">What was thrown; null where nothing was.</param>
public sealed record TraceFailure(TraceFailureKind Kind, string Reason, [property: JsonIgnore] Exception? Cause = null);

/// <summary>Kinds of reasons for which a trace is not compared.</summary>
public enum TraceFailureKind
{
    /// <summary>It is missing, is no trace, or is damaged.</summary>
    Unreadable,
    /// <summary>It lacks the part that was asked for.</summary>
    NoSuchPart,
    /// <summary>This machine cannot replay it.</summary>
    NotPossible,
    /// <summary>The comparison was interrupted before.</summary>
    Interrupted,
}

/// <summary>What was found where traces were looked for, and was not compared.</summary>
/// <param name="Where">The directory or the recording.</param>
/// <param name="What">What of it.</param>
/// <param name="Reason">Why not.</param>
public sealed record LeftOut(string Where, string What, string Reason);
