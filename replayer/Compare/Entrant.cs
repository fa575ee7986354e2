using AllocReplay.Replayer.Run;

namespace AllocReplay.Replayer.Compare;

/// <summary>What a row of a comparison is there for.</summary>
public enum Role
{
    /// <summary>What the others are compared with.</summary>
    Baseline,
    /// <summary>The baseline once more, under another name: what it differs by is what this machine's noise makes at this hour.</summary>
    Twin,
    Compared,
    /// <summary>No allocator: the harness's own cost, or what no allocator can do better. Of it nothing is claimed.</summary>
    Reference,
}

/// <summary>Why a configuration has no more figures.</summary>
/// <param name="Pass">Name of the pass in which it failed.</param>
/// <param name="Kind">What became of the run; null where none could be begun.</param>
/// <param name="Code">The signal or the exit code; null where there is none.</param>
/// <param name="Reason">What happened, one line.</param>
public sealed record RowFailure(string Pass, FailureKind? Kind, int? Code, string Reason);

/// <summary>One that takes part in a comparison.</summary>
/// <param name="index">Its place among them.</param>
/// <param name="configuration">What it runs.</param>
/// <param name="role">What it is there for.</param>
internal sealed class Entrant(int index, Configuration configuration, Role role)
{
    public int Index => index;
    public Configuration Configuration => configuration;
    public Role Role => role;
    /// <summary>It is run no more.</summary>
    public RowFailure? Failure { get; set; }

    /// <summary>Whether something is claimed of it.</summary>
    public bool IsCompared => role is Role.Compared;

    /// <summary>The first to be compared with, its twin, then the others; those that are no allocators last.</summary>
    public static IReadOnlyList<Entrant> Of(IReadOnlyList<Configuration> configurations)
    {
        IEnumerable<(Configuration, Role)> all =
        [
            (configurations[0], Role.Baseline), (configurations[0], Role.Twin),
            .. configurations.Skip(1).Where(c => !c.Allocator.IsReference).Select(c => (c, Role.Compared)),
            .. configurations.Skip(1).Where(c => c.Allocator.IsReference).Select(c => (c, Role.Reference)),
        ];
        return [.. all.Select((e, i) => new Entrant(i, e.Item1, e.Item2))];
    }
}
