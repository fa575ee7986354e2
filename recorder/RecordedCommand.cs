using System.Runtime.InteropServices;

namespace AllocReplay.Recorder;

/// <summary>What came of recording a command that ran.</summary>
/// <param name="ExitCode">The command's, 128 + signal when it was killed.</param>
/// <param name="IsKilled">Whether a signal ended it.</param>
/// <param name="PeakResidentBytes">Most memory that it, or a child that it waited for, had resident; null where that is not known.</param>
/// <param name="Failures">What the recorder could not do once the command ran, a line each.</param>
/// <param name="Unrecorded">Programs that ran without the hook, or have calls that it does not see, a line each.</param>
public sealed record RecordResult(int ExitCode, bool IsKilled, long? PeakResidentBytes, IReadOnlyList<string> Failures, IReadOnlyList<string> Unrecorded);

/// <summary>Runs a command and records it until it ends. Its standard streams are the caller's own.</summary>
public static class RecordedCommand
{
    /// <summary>Long enough to see what a program does once it has started.</summary>
    private static readonly TimeSpan RateAfter = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Runs a command. Once it runs, nothing that fails here ends the wait for it, or changes its exit code.
    /// </summary>
    /// <param name="options">What to record and where.</param>
    /// <param name="started">Told the command's process id as soon as it runs.</param>
    /// <param name="rate">Told once, after some seconds, how many bytes a minute are written.</param>
    /// <exception cref="RecordException">The command did not run.</exception>
    public static RecordResult Run(RecordOptions options, Action<int>? started = null, Action<long>? rate = null)
    {
        using HeldProgram program = HeldProgram.Of(options.Command);
        if (Executable.WhyNotRecordable(program.File, options.Via, options.Detours) is { } why)
        {
            throw new RecordException($"{program.Path}: nothing can be recorded: {Executable.Describe(why)}",
                why == Unrecordable.OwnTcmalloc ? RecordFailure.CarriesMallocHook : RecordFailure.Recorder);
        }
        // Now, as it may be over before anybody looks at it. By MallocHook they are seen.
        string? calls = options.Via == RecordVia.Preload && Executable.UnrecordedCalls(program.File, options.Detours) is { } seen
            ? $"{program.Path} {seen}" : null;
        RecordSession session = RecordSession.Begin(options);
        var failures = new List<string>();
        // The terminal sends its signals to both: the program decides, and the recorder outlives it. Others are passed on.
        using PosixSignalRegistration interrupt = Watch(PosixSignal.SIGINT, () => { }), quit = Watch(PosixSignal.SIGQUIT, () => { }),
            terminate = Watch(PosixSignal.SIGTERM, () => Signals.Send(program.Pid, Signals.Terminate)),
            hangUp = Watch(PosixSignal.SIGHUP, () => Signals.Send(program.Pid, Signals.HangUp));
        try
        {
            program.Release(session.Settings);
        }
        catch (RecordException)
        {
            session.Abandon();
            throw;
        }
        PackedRecording? packed = null;
        if (options.PackedInto is not null)
            Attempt(() => packed = PackedRecording.Begin(options.Output, options.Force), failures);
        Attempt(() => session.Started(program.Pid), failures);
        Attempt(() => started?.Invoke(program.Pid), failures);
        ProgramEnd end;
        using Timer? look = rate is null ? null : new Timer(_ => rate(session.BytesPerMinute), null, RateAfter, Timeout.InfiniteTimeSpan);
        using var unrecorded = options.FollowChildren ? new UnrecordedPrograms(program.Pid, options.Via, options.Detours) : null;
        using (options.Duration is { } duration ? new Timer(_ => Attempt(session.Stop, failures), null, duration, Timeout.InfiniteTimeSpan) : null)
            end = program.Wait();
        packed?.Dispose();
        Attempt(() => session.Close(program.Pid, end.ExitCode), failures);
        lock (failures)
        {
            if (packed?.Failure is { } failure)
                failures.Add($"not packed while it was recorded: {failure}");
            if (session.Successors > 0)
                failures.Add("the process that writes the recording was killed, and another took over");
            string[] own = calls is null ? [] : [calls];
            return new RecordResult(end.ExitCode, end.IsKilled, end.PeakResidentBytes, [.. failures], [.. own.Union(unrecorded?.Found ?? [])]);
        }
    }

    private static void Attempt(Action action, List<string> failures)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ControlException)
        {
            lock (failures)
                failures.Add(e.Message);
        }
    }

    private static PosixSignalRegistration Watch(PosixSignal signal, Action action) =>
        PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            action();
        });
}
