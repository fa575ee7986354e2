namespace AllocReplay.Analyzer.Export;

/// <summary>Which blocks of a trace, or of a part of it.</summary>
public enum SelectedBlocks
{
    /// <summary>All that were acquired.</summary>
    Allocated,
    /// <summary>Those that were not given back by the end.</summary>
    Outstanding,
    /// <summary>Those that were live at a moment.</summary>
    Live,
    /// <summary>
    /// Those that the thread that acquired them gave back before it acquired another, as
    /// <see cref="Formats.Statistics.TraceStatistics.TemporaryBlocks"/> counts them.
    /// </summary>
    Temporary,
}

/// <summary>What is told of.</summary>
/// <param name="Blocks">The blocks.</param>
/// <param name="AtNs">
/// Of live blocks: the moment, nanoseconds since the start of the recording; what is acquired just then is live, what is released is not. Null: when
/// most bytes were live, the first time where that was twice.
/// </param>
public sealed record BlockSelection(SelectedBlocks Blocks, long? AtNs = null);
