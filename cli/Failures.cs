using AllocReplay.Analyzer;
using AllocReplay.Formats;
using AllocReplay.Recorder;
using AllocReplay.Replayer;

namespace AllocReplay.Cli;

/// <summary>Which exceptions are the user's to mend, and the exit code that each stands for.</summary>
internal static class Failures
{
    private const int NoSpace = 28, ReadOnlyFileSystem = 30, QuotaExceeded = 122; // errno: what cannot be written is no bad input

    /// <summary>The exit code, or null for a bug of ours, which should show its stack.</summary>
    public static int? Classify(Exception e) => e switch
    {
        UsageException => ExitCode.Usage,
        RecordException record => record.ExitCode,
        ControlException => ExitCode.NotPossible,
        TraceFormatException => ExitCode.BadInput,
        QueryException or DatasetExistsException => ExitCode.Usage,
        DatasetException => ExitCode.BadInput,
        ReplayException { Failure: ReplayFailure.Usage } => ExitCode.Usage,
        ReplayException { Failure: ReplayFailure.NotPossible } => ExitCode.NotPossible,
        ReplayException => ExitCode.Failed,
        PlatformNotSupportedException => ExitCode.NotPossible,
        IOException { HResult: NoSpace or ReadOnlyFileSystem or QuotaExceeded } => ExitCode.NotPossible,
        IOException or UnauthorizedAccessException => ExitCode.BadInput,
        _ => null,
    };
}

/// <summary>The command line parses but asks for something that makes no sense. The message is one line.</summary>
internal sealed class UsageException(string message) : Exception(message);
