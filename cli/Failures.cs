using AllocReplay.Analyzer;
using AllocReplay.Analyzer.Check;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Cli.Pages;
using AllocReplay.Formats;
using AllocReplay.Formats.Stacks;
using AllocReplay.Recorder;
using AllocReplay.Replayer;
using AllocReplay.Replayer.Plan;

namespace AllocReplay.Cli;

/// <summary>What the command line makes of a failure.</summary>
/// <param name="ExitCode">The code to exit with.</param>
/// <param name="Hint">What to do about it, in words that name options, to follow the message; empty where the message says it all.</param>
internal readonly record struct Diagnosis(int ExitCode, string Hint = "");

/// <summary>
/// Which exceptions are the user's to mend, and the exit code and the advice that each stands for. Libraries say what is wrong and why, as
/// a type; options and exit codes are named here alone.
/// </summary>
internal static class Failures
{
    private const int NoSpace = 28, ReadOnlyFileSystem = 30, QuotaExceeded = 122; // errno: what cannot be written is no bad input

    /// <summary>The diagnosis, or null for a bug of ours, which should show its stack.</summary>
    public static Diagnosis? Classify(Exception e) => e switch
    {
        UsageException => new(ExitCode.Usage),
        OutputException { IsClosed: true } => new(ExitCode.OutputClosed),
        OutputException => new(ExitCode.NotPossible),
        RecordException record => OfRecord(record.Failure),
        ControlException => new(ExitCode.NotPossible),
        TraceNotWritableException unwritable => OfOutput(unwritable.Obstacle),
        TraceDamagedException => new(ExitCode.BadInput, $"; {TraceArguments.PartialName} goes on with what is readable"),
        TracePartException => new(ExitCode.Usage),
        TraceFormatException => new(ExitCode.BadInput),
        StacksNotRecordedException => new(ExitCode.BadInput, ": record with --stacks auto"),
        QueryException => new(ExitCode.Usage),
        SuppressionException => new(ExitCode.Usage),
        DatasetExistsException { Partition: { } key } =>
            new(ExitCode.Usage, $"; --force adds {key} to it, and replaces that process's tables if they are there"),
        DatasetExistsException => new(ExitCode.Usage),
        DatasetNotWritableException => new(ExitCode.NotPossible),
        DatasetException => new(ExitCode.BadInput),
        ReplayException replay => OfReplay(replay.Failure),
        PlanFileException { Problem: PlanFileProblem.Damaged } => new(ExitCode.BadInput, "; --force compiles it anew"),
        PlanFileException => new(ExitCode.Usage, "; choose another name, or replace it with --force"),
        PageMissingException => new(ExitCode.NotPossible),
        PlatformNotSupportedException => new(ExitCode.NotPossible),
        IOException { HResult: NoSpace or ReadOnlyFileSystem or QuotaExceeded } => new(ExitCode.NotPossible),
        IOException or UnauthorizedAccessException => new(ExitCode.BadInput),
        _ => null,
    };

    /// <summary>A message as lines: the engine draws a caret under the place in the query, everything else is one line.</summary>
    public static IEnumerable<string> Lines(Exception e, string message) => (e is QueryException ? message.Split('\n') : [message]).Select(l => l.TrimEnd());

    /// <summary>Of the file that a command was to write.</summary>
    public static Diagnosis OfOutput(WriteObstacle obstacle) => obstacle switch
    {
        WriteObstacle.System => new(ExitCode.NotPossible),
        WriteObstacle.Exists => new(ExitCode.Usage, "; choose another name, or replace it with --force"),
        _ => new(ExitCode.Usage, "; choose another name"),
    };

    /// <summary>As env(1) exits: 2 may be the command's own.</summary>
    private static Diagnosis OfRecord(RecordFailure failure) => failure switch
    {
        RecordFailure.OutputExists => new(ExitCode.RecordFailed, "; choose another name, or replace it with --force"),
        RecordFailure.CarriesMallocHook => new(ExitCode.RecordFailed, "; --via mallochook has that tcmalloc tell of them"),
        RecordFailure.CannotRun => new(ExitCode.CannotRun),
        RecordFailure.NotFound => new(ExitCode.NotFound),
        _ => new(ExitCode.RecordFailed),
    };

    private static Diagnosis OfReplay(ReplayFailure failure) => failure switch
    {
        ReplayFailure.Usage => new(ExitCode.Usage),
        ReplayFailure.NotPossible => new(ExitCode.NotPossible),
        ReplayFailure.DiskShort => new(ExitCode.NotPossible, "; TMPDIR=DIRECTORY moves it elsewhere, replay's --keep-plan FILE too; "
            + "--interval, --from-mark and --to-mark take a part of the trace"),
        ReplayFailure.MemoryShort => new(ExitCode.NotPossible, "; --max-live SIZE says how much it may take"),
        _ => new(ExitCode.Failed),
    };
}

/// <summary>The command line parses but asks for something that makes no sense. The message is one line.</summary>
internal sealed class UsageException(string message) : Exception(message);
