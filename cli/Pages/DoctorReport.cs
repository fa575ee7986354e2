using AllocReplay.Recorder.Doctor;

namespace AllocReplay.Cli.Pages;

/// <summary><c>doctor --json</c>.</summary>
/// <param name="CanRecord">Whether nothing stops a recording.</param>
/// <param name="CanAttach">Whether 'attach' could begin to record the process as it is now; null where none was asked about.</param>
/// <param name="IsRecorded">Whether the process is recorded already; null likewise.</param>
/// <param name="Pid">The process that was asked about; null where none was.</param>
/// <param name="Machine">What was looked at of the machine.</param>
/// <param name="Process">What was looked at of the process; empty where none was asked about.</param>
internal sealed record DoctorReport(
    bool CanRecord, bool? CanAttach, bool? IsRecorded, int? Pid, IReadOnlyList<DoctorCheck> Machine, IReadOnlyList<DoctorCheck> Process)
{
    public static DoctorReport Of(int? pid, IReadOnlyList<Finding> machine, IReadOnlyList<Finding> process) => new(
        machine.Concat(process).All(f => f.Verdict != Verdict.Stops),
        pid is null ? null : process.All(f => f.Verdict != Verdict.Stops && !RefusesAttach(f.Obstacle)),
        pid is null ? null : process.Any(f => f.Obstacle == Obstacle.RecordedAlready), pid,
        [.. machine.Select(DoctorCheck.Of)], [.. process.Select(DoctorCheck.Of)]);

    /// <summary>What a program is recorded in spite of, if it is started under the recorder.</summary>
    private static bool RefusesAttach(Obstacle? obstacle) => obstacle is Obstacle.NotAttached or Obstacle.Filtered or Obstacle.Traced;

    /// <summary>A process that runs is not recorded, and cannot be from now on: it would have to be started again.</summary>
    public bool IsOutOfReach() => CanAttach == false && IsRecorded == false;
}

/// <param name="Check">What was looked at.</param>
/// <param name="Verdict">fine; limited: it can be recorded, with less than usual or something to know; stops: it cannot.</param>
/// <param name="Found">What was found.</param>
/// <param name="Obstacle">What is in the way; null where nothing is.</param>
/// <param name="Meaning">That in words, with what to do; empty where nothing is.</param>
internal sealed record DoctorCheck(CheckKind Check, Verdict Verdict, string Found, Obstacle? Obstacle, string Meaning)
{
    public static DoctorCheck Of(Finding f) => new(f.Kind, f.Verdict, f.Found, f.Obstacle, f.Obstacle is { } obstacle ? ObstacleText.Of(obstacle) : "");
}
