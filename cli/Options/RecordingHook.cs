using AllocReplay.Formats;
using AllocReplay.Recorder;
using AllocReplay.Replayer;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Cli.Options;

/// <summary>
/// Our own hook before an allocator: the replay is recorded as the program was. Only here do recorder and replayer meet. The recording is kept where the
/// options name a place for it; else each run has a temporary one, which goes when it is over.
/// </summary>
/// <param name="name">As it is written in a configuration.</param>
/// <param name="options">Of the recording; without an output, it is not kept.</param>
internal sealed class RecordingHook(string name, RecordOptions options) : IHook
{
    /// <summary>What is replayed, as it was named: noted in a recording that is kept.</summary>
    public string Trace { get; init; } = "";

    /// <summary>A function that the allocator must have; null: any will do.</summary>
    public string? Needs { get; init; }

    /// <summary>Time between a start and a stop of the recording, and a stop and a start; null: it is recorded all the time.</summary>
    public TimeSpan? TogglePeriod { get; init; }

    public string Name => name;

    public IHookedRun Begin()
    {
        DirectoryInfo? scratch = options.Output.Length > 0 ? null : Directory.CreateTempSubdirectory("allocreplay-hook-");
        try
        {
            string recording = scratch is null ? options.Output : Path.Combine(scratch.FullName, $"replay{RecordingOutput.Extension}");
            return new Run(this, RecordSession.Begin(options with { Output = recording }), recording, scratch);
        }
        catch (Exception e)
        {
            scratch?.Delete(recursive: true);
            // The exit codes of a recorder are for those who started a command with it.
            if (e is RecordException)
                throw new ReplayException(new RunFailure(FailureKind.CannotRun), e.Message);
            throw;
        }
    }

    private sealed class Run(RecordingHook hook, RecordSession session, string recording, DirectoryInfo? scratch) : IHookedRun
    {
        private const string Stops = "stops", Lost = "lost_events";

        private RecordingToggle? _toggle;

        public PreloadedHook Library => new(session.HookPath, session.Environment) { Needs = hook.Needs };

        public void Started(int processId)
        {
            if (hook.TogglePeriod is { } period)
                _toggle = new RecordingToggle(recording, period);
        }

        public IReadOnlyDictionary<string, long> Complete(int processId, ReplayInfo replay)
        {
            var counts = new Dictionary<string, long>();
            try
            {
                if (_toggle is { } toggle)
                    counts[Stops] = toggle.End();
                session.Close(processId, ExitCode.Ok, replay with { Trace = hook.Trace });
                counts[Lost] = LostEvents();
                return counts;
            }
            catch (Exception e) when (e is ControlException or TraceFormatException)
            {
                throw new ReplayException(new RunFailure(FailureKind.CannotRun), $"{hook.Name}: {e.Message}");
            }
            finally
            {
                scratch?.Delete(recursive: true);
            }
        }

        /// <summary>What it holds is no replay.</summary>
        public void Abandon()
        {
            _toggle?.End();
            session.Abandon();
            scratch?.Delete(recursive: true);
        }

        /// <exception cref="ControlException">Nothing was recorded.</exception>
        private long LostEvents()
        {
            IReadOnlyList<string> images = SessionSwitch.Images(recording);
            long lost = 0;
            foreach (string directory in images)
            {
                using ControlledProcess image = ControlledProcess.Open(directory);
                lost += (long)image.Status().LostEvents;
            }
            return images.Count > 0 ? lost : throw new ControlException("the hook did not record: the worker carries it, and no recording has begun");
        }
    }
}
