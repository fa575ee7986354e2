namespace AllocReplay.Replayer.Verify;

/// <summary>The progress of two halves of some work that are done at once.</summary>
internal sealed class HalvedProgress
{
    private double _first, _second;

    public HalvedProgress(IProgress<double>? whole) => (First, Second) = (
        new Half(part => whole?.Report((Volatile.Read(ref _second) + (_first = part)) / 2)),
        new Half(part => whole?.Report((Volatile.Read(ref _first) + (_second = part)) / 2)));

    public IProgress<double> First { get; }
    public IProgress<double> Second { get; }

    private sealed class Half(Action<double> report) : IProgress<double>
    {
        public void Report(double value) => report(value);
    }
}
