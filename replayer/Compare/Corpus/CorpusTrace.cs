using AllocReplay.Replayer.Plan;

namespace AllocReplay.Replayer.Compare.Corpus;

/// <summary>A trace of a corpus, before it is read.</summary>
/// <param name="Name">What it is called in tables and in gates: short, and no other's of the corpus.</param>
/// <param name="Trace">As it was named, and which process image of it, where several are compared.</param>
/// <param name="Compile">Compiles it in the order of each of <see cref="Comparison.Passes"/>; the caller disposes of the plans.</param>
public sealed record CorpusTrace(string Name, string Trace, Func<CancellationToken, IReadOnlyList<ReplayPlan>> Compile);

/// <summary>Whose turn it is.</summary>
/// <param name="Trace">The trace.</param>
/// <param name="Number">Its place, from 1.</param>
/// <param name="Of">How many there are.</param>
/// <param name="Options">How it is compared: with its share of the time.</param>
public sealed record CorpusTurn(CorpusTrace Trace, int Number, int Of, ComparisonOptions Options);

/// <summary>Told of a corpus's traces in turn, on the thread that compares them.</summary>
public interface ICorpusWatcher
{
    /// <summary>Runs the comparison of a trace.</summary>
    /// <param name="turn">Which.</param>
    /// <param name="compare">The comparison, told where to say how far it is.</param>
    ComparisonReport Watch(CorpusTurn turn, Func<IProgress<ComparisonProgress>?, ComparisonReport> compare);

    /// <summary>What became of a trace, and may be added to.</summary>
    TraceResult Ended(TraceResult result);
}
