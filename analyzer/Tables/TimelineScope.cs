namespace AllocReplay.Analyzer.Tables;

/// <summary>What a row of the timeline is of. The order is that of <see cref="TimelineScopes.Names"/>.</summary>
internal enum TimelineScope : byte
{
    /// <summary>All blocks.</summary>
    Process,
    /// <summary>Those that a thread acquired.</summary>
    Thread,
    /// <summary>Those of a call site.</summary>
    Site,
}

/// <summary>The names that the column <c>scope</c> holds.</summary>
internal static class TimelineScopes
{
    /// <summary>Names by <see cref="TimelineScope"/>.</summary>
    public static IReadOnlyList<string> Names { get; } = ["process", "thread", "site"];
}
