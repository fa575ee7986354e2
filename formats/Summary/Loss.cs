namespace AllocReplay.Formats.Summary;

/// <summary>What is missing from process images for one reason.</summary>
/// <param name="Reason">Why, as a phrase; null where shared memory was full, as the disk did not keep up.</param>
/// <param name="Events">Calls that were made while recording and are not in the trace.</param>
/// <param name="Images">Names of the process images, busiest first.</param>
public sealed record Loss(string? Reason, ulong Events, IReadOnlyList<string> Images)
{
    /// <summary>Adds up what is missing from a trace, by the reason: a full disk takes something from each of thousands of forks.</summary>
    /// <param name="images">The process images, as <see cref="Trace.Images"/> gives them.</param>
    /// <returns>The losses, largest first; none when all is there.</returns>
    public static IReadOnlyList<Loss> Of(IEnumerable<ProcessImage> images) =>
        [.. images.Where(i => i.LostEvents > 0 || i.Failure is not null)
            .GroupBy(i => i.Failure)
            .Select(g => new Loss(g.Key, g.Aggregate(0UL, (sum, i) => sum > ulong.MaxValue - i.LostEvents ? ulong.MaxValue : sum + i.LostEvents),
                [.. g.Select(i => i.Name)]))
            .OrderByDescending(l => l.Events)];
}
