using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Statistics;

namespace AllocReplay.Analyzer.Tables;

/// <summary>The names under which columns hold the values of an enum, by value.</summary>
internal static class ValueNames
{
    // Every code that the wire can carry has a name, so that a kind is its own index.
    private static readonly string[] Kinds = Enumerable.Range(0, 64).Select(k => CallKinds.CallName((CallKind)k)).ToArray();

    private static readonly string[] Events = Enumerable.Range(0, 64).Select(k => CallKinds.Name((CallKind)k)).ToArray();

    /// <summary>The names, or null where the type has none.</summary>
    public static IReadOnlyList<string>? Of(Type type) =>
        type == typeof(CallKind) ? Kinds
        : type == typeof(EventKind) ? Events
        : type == typeof(EndKind) ? EndKinds.Names
        : type == typeof(RegionEnd) ? RegionEnds.Names
        : type == typeof(AnomalyKind) ? AnomalyKinds.Names
        : type == typeof(TimelineScope) ? TimelineScopes.Names
        : null;
}
