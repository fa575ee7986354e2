using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Stacks;

namespace AllocReplay.Analyzer.Export;

/// <summary>Blocks of a trace by the stacks that they were acquired with: what the formats of profiles are written from.</summary>
public sealed class StackProfile
{
    private StackProfile(TraceReader reader, SymbolTable symbols, BlockSelection selection, StackFigures figures)
    {
        (Process, Frames, Symbols, Selection) = (reader.Process, reader.Frames, symbols, selection);
        Weights = figures.Weights();
        (Blocks, Bytes) = (Weights.Sum(w => w.Blocks), ByteCount.Of(Weights.Aggregate(UInt128.Zero, (sum, w) => sum + w.Bytes)));
        AtNs = figures.AtNs;
        FirstNs = Math.Max(0, figures.FirstNs);
        DurationNs = Math.Max(0, figures.LastNs - FirstNs);
    }

    /// <summary>Which blocks.</summary>
    public BlockSelection Selection { get; }

    /// <summary>By stack, of the most bytes first; none is without blocks.</summary>
    public IReadOnlyList<StackWeight> Weights { get; }

    /// <summary>Blocks of all stacks.</summary>
    public long Blocks { get; }

    /// <summary>Bytes requested for them; at most <see cref="ByteCount.Max"/>.</summary>
    public ulong Bytes { get; }

    /// <summary>Of live blocks: the moment, nanoseconds since the start of the recording; else null.</summary>
    public long? AtNs { get; }

    /// <summary>Time of the first call that was read, nanoseconds since the start of the recording.</summary>
    public long FirstNs { get; }

    /// <summary>From there to the last.</summary>
    public long DurationNs { get; }

    /// <summary>The process.</summary>
    public ProcessInfo Process { get; }

    /// <summary>The stacks.</summary>
    public FrameTable Frames { get; }

    /// <summary>What their functions are called.</summary>
    public SymbolTable Symbols { get; }

    /// <summary>Reads a trace from where it stands to its end.</summary>
    /// <param name="reader">The trace.</param>
    /// <param name="selection">Which blocks.</param>
    /// <param name="symbols">What functions are called; null: what is stored in the trace.</param>
    /// <param name="partial">Whether what is readable of a damaged trace is enough.</param>
    /// <param name="progress">Told the share of the trace that is read, from 0 to 1.</param>
    /// <param name="token">Ends the reading.</param>
    /// <exception cref="StacksNotRecordedException">The trace has no stacks.</exception>
    /// <exception cref="TraceDamagedException">The trace is damaged, and that is not enough.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public static StackProfile Read(TraceReader reader, BlockSelection selection, SymbolTable? symbols = null, bool partial = false,
        IProgress<double>? progress = null, CancellationToken token = default)
    {
        StacksNotRecordedException.ThrowIfNone(reader);
        var figures = new StackFigures(selection, reader.Carried?.UntilNs ?? 0);
        reader.ForEach([figures], progress, token);
        if (reader.Damage is not null && !partial)
            throw new TraceDamagedException(reader.Damage);
        return new StackProfile(reader, symbols ?? reader.Symbols, selection, figures);
    }
}
