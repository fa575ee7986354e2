using AllocReplay.Formats;
using AllocReplay.Recorder;

namespace AllocReplay.Cli.Options;

/// <summary>
/// Stops and starts a recording again and again while the process runs, through the same control plane as <c>allocreplay control</c>, from a thread
/// of its own.
/// </summary>
internal sealed class RecordingToggle
{
    private readonly string _session;
    private readonly TimeSpan _period;
    private readonly object _gate = new(); // guards _isOver
    private bool _isOver;
    private readonly Thread _thread;
    private long _stops; // written by the thread, read after it has ended

    /// <param name="session">The recording directory.</param>
    /// <param name="period">From one change to the next.</param>
    public RecordingToggle(string session, TimeSpan period)
    {
        (_session, _period) = (session, period);
        _thread = new Thread(Run) { IsBackground = true, Name = "toggle" };
        _thread.Start();
    }

    /// <summary>Ends it. May be called again.</summary>
    /// <returns>Intervals that it ended, each by a stop that all threads of the process had come to.</returns>
    public long End()
    {
        lock (_gate)
        {
            _isOver = true;
            Monitor.Pulse(_gate);
        }
        _thread.Join();
        return _stops;
    }

    private void Run()
    {
        ControlledProcess? image = null;
        bool isStopped = false;
        while (!IsOverWithin(_period))
        {
            try
            {
                image ??= ControlledProcess.Open(ControlTarget.Find(_session, runningOnly: true)[0]);
                if (isStopped)
                    image.Start();
                else if (image.Stop() > 0)
                    _stops++;
                isStopped = !isStopped;
            }
            catch (Exception e) when (e is ControlException or TraceFormatException)
            {
                // It has not begun yet, or has ended: the next round, or the end of the run, tells which.
            }
        }
        image?.Dispose();
    }

    private bool IsOverWithin(TimeSpan time)
    {
        lock (_gate)
            return _isOver || (Monitor.Wait(_gate, time) && _isOver);
    }
}
