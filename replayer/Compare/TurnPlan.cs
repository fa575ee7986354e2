using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Replayer.Compare;

/// <summary>How runs that take turns are laid out: docs/decisions/0009.</summary>
/// <param name="Loops">Times that a turn goes through the trace.</param>
/// <param name="Rounds">Turns of a run.</param>
/// <param name="Together">Configurations that are in memory at once; 1: each runs through by itself.</param>
internal sealed record TurnPlan(int Loops, int Rounds, int Together)
{
    /// <summary>A turn is to last so long: what it costs to wake a process, and caches that are another's, are little beside it.</summary>
    private static readonly TimeSpan TurnMin = TimeSpan.FromMilliseconds(50);

    /// <summary>The slowest configuration's turn is to last no longer than so many of those.</summary>
    private const int SlowestTurn = 10;

    /// <summary>Loops that make a turn last so are not more than these.</summary>
    private const int LoopsMax = 1000;

    private const int RoundsMax = 64;

    /// <summary>More of them in a round are further apart than what the machine does for a moment lasts.</summary>
    private const int TogetherMax = 6;

    /// <summary>Blocks that the time is divided by: from a fresh process to the next, allocators differ a little from themselves.</summary>
    private const int BlocksAimedAt = 40;

    private static readonly TimeSpan HeatMax = TimeSpan.FromSeconds(4);

    /// <summary>Of a comparison whose number of blocks is given, and so not its time.</summary>
    private static readonly TimeSpan HeatOfCounted = TimeSpan.FromSeconds(1);

    /// <param name="loopTimes">What one replay took of each configuration that takes turns.</param>
    /// <param name="plan">The trace.</param>
    /// <param name="options">How the comparison is run.</param>
    /// <param name="availableBytes">Memory that there is.</param>
    /// <param name="prologue">What comes before each replay and is not in its time: turns of many loops would take many times that.</param>
    public static TurnPlan Of(
        IReadOnlyCollection<TimeSpan> loopTimes, ReplayPlan plan, ComparisonOptions options, long availableBytes, TimeSpan prologue = default)
    {
        if (loopTimes.Count == 0)
            return new TurnPlan(1, 1, 1);
        double fastest = Math.Max(1, loopTimes.Min().Ticks), slowest = Math.Max(1, loopTimes.Max().Ticks);
        int loops = (int)Math.Clamp(Math.Ceiling(Math.Min(TurnMin.Ticks / fastest, SlowestTurn * TurnMin.Ticks / slowest)), 1, LoopsMax);
        // Allocators need more than what is live; half of what there is is left to others.
        int together = (int)Math.Clamp(availableBytes / 2 / Math.Max(1, 2 * MemoryGuard.NeededBy(plan)), 1, TogetherMax);
        int heats = together == 1 ? loopTimes.Count : Math.Max(1, (loopTimes.Count - 1 + together - 2) / (together - 1));
        TimeSpan heat = options.Blocks is null ? options.Budget / BlocksAimedAt / heats : HeatOfCounted;
        if (heat > HeatMax)
            heat = HeatMax;
        double roundOfOne = (loopTimes.Average(t => t.Ticks) + prologue.Ticks) * Math.Min(together, loopTimes.Count);
        if (prologue > TimeSpan.Zero)
            loops = (int)Math.Clamp(heat.Ticks / roundOfOne, 1, loops);
        double round = roundOfOne * loops;
        return new TurnPlan(loops, (int)Math.Clamp(heat.Ticks / round, 1, RoundsMax), together);
    }

    /// <summary>
    /// Divides those that take part in a block into heats, each of which has the one that they are compared with. Those of a heat run in turns.
    /// </summary>
    /// <param name="order">Those that take part, by lot.</param>
    /// <param name="first">The one that the others are compared with.</param>
    public IReadOnlyList<int[]> HeatsOf(IReadOnlyList<int> order, int first)
    {
        if (Together == 1)
            return [.. order.Select(i => (int[])[i])];
        int[] others = [.. order.Where(i => i != first)];
        int[] leading = order.Contains(first) ? [first] : [];
        return others.Length == 0 ? [leading] : [.. others.Chunk(Together - leading.Length).Select(part => (int[])[.. leading, .. part])];
    }
}
