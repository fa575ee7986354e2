using HdrHistogram;

namespace AllocReplay.Replayer.Verify;

/// <summary>How far the gaps between the calls of a thread are off in a replay that was to keep them.</summary>
internal sealed unsafe class GapErrors
{
    private const long HourNs = 3_600_000_000_000; // what is off by more counts as that
    private const int SignificantDigits = 3;

    private readonly LongHistogram _errors = new(1, HourNs, SignificantDigits);

    /// <summary>From the moment of one call to that of the next in the same thread, within the window.</summary>
    /// <param name="recorded">The thread in the trace.</param>
    /// <param name="replayed">The thread in the replay.</param>
    /// <param name="common">Calls that both have.</param>
    /// <param name="timeScale">Time that a second of the trace was to take.</param>
    public void Add(ExecutedThread recorded, ExecutedThread replayed, long common, double timeScale)
    {
        for (long i = recorded.CarriedCalls + 1; i < common; i++)
        {
            double due = (recorded.Calls.At(i)->MomentNs - recorded.Calls.At(i - 1)->MomentNs) * timeScale;
            double took = replayed.Calls.At(i)->BeginNs - replayed.Calls.At(i - 1)->BeginNs;
            _errors.RecordValue((long)Math.Clamp(Math.Abs(took - due), 0, _errors.HighestTrackableValue));
        }
    }

    public TimingError ToTiming() => _errors.TotalCount == 0 ? new TimingError(0, 0, 0, 0, 0) : new TimingError(
        _errors.TotalCount, _errors.GetValueAtPercentile(50), _errors.GetValueAtPercentile(90), _errors.GetValueAtPercentile(99), _errors.GetMaxValue());
}
