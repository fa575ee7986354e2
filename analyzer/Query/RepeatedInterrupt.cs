using DuckDB.NET.Data;

namespace AllocReplay.Analyzer.Query;

/// <summary>
/// Interrupts a command of the engine once a token is cancelled, and again until it is disposed: the engine forgets an interruption that comes
/// before it has begun.
/// </summary>
internal sealed class RepeatedInterrupt : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);

    private readonly CancellationTokenRegistration _registration;
    private readonly Timer _timer;

    public RepeatedInterrupt(DuckDBCommand command, CancellationToken token)
    {
        _timer = new Timer(_ => command.Cancel());
        _registration = token.Register(() => _timer.Change(TimeSpan.Zero, Interval));
    }

    /// <summary>Once it returns the command is not interrupted any more, and may be disposed.</summary>
    public void Dispose()
    {
        _registration.Dispose();
        using var done = new ManualResetEvent(false);
        if (_timer.Dispose(done))
            done.WaitOne();
    }
}
