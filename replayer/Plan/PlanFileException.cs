namespace AllocReplay.Replayer.Plan;

/// <summary>Why a file is not taken for the plan that is asked for.</summary>
public enum PlanFileProblem
{
    /// <summary>It is no plan, or one of another version of the format.</summary>
    NoPlan,
    /// <summary>It is a plan of something else, or in another order.</summary>
    Another,
    /// <summary>It is damaged, or it would lead a replay where no plan leads.</summary>
    Damaged,
}

/// <summary>A file that is there is not the plan that is asked for. The message is one line that names it.</summary>
public sealed class PlanFileException(PlanFileProblem problem, string path, string found) : Exception($"{path}: {found}")
{
    public PlanFileProblem Problem { get; } = problem;
}
