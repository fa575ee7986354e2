using AllocReplay.Formats;
using AllocReplay.Recorder;
using AllocReplay.Replayer;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Cli.Options;

/// <summary>Our own hook before an allocator: the replay is recorded as the program was. Only here do recorder and replayer meet.</summary>
/// <param name="trace">What is replayed, as it was named.</param>
/// <param name="options">Of the recording.</param>
internal sealed class RecordingHook(string trace, RecordOptions options) : IHook
{
    public string Name => "record";

    public IHookedRun Begin()
    {
        try
        {
            return new Run(trace, RecordSession.Begin(options));
        }
        catch (RecordException e)
        {
            // The exit codes of a recorder are for those who started a command with it.
            throw new ReplayException(ReplayFailure.NotPossible, e.Message);
        }
    }

    private sealed class Run(string trace, RecordSession session) : IHookedRun
    {
        public PreloadedHook Library => new(session.HookPath, session.Environment);

        public void Complete(int processId, ReplayInfo replay) => session.Close(processId, ExitCode.Ok, replay with { Trace = trace });

        /// <summary>What it holds is no replay.</summary>
        public void Abandon() => session.Abandon();
    }
}
