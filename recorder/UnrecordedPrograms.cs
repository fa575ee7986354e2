using System.Collections.Concurrent;
using System.Globalization;

namespace AllocReplay.Recorder;

/// <summary>
/// Looks, now and then, at which programs a recorded command has become or started, and notes those that the hook cannot be in, or that have calls
/// which it does not see. From outside:
/// what runs without the hook tells nobody. What came and went between two looks is missed, and what a thread other than the first has started.
/// </summary>
internal sealed class UnrecordedPrograms : IDisposable
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(20), Every = TimeSpan.FromMilliseconds(100);

    private readonly ConcurrentDictionary<string, string?> _seen = new();
    private readonly RecordVia _via;
    private readonly bool _detours;
    private readonly Timer _timer;
    private int _isLooking;

    public UnrecordedPrograms(int pid, RecordVia via, bool detours)
    {
        (_via, _detours) = (via, detours);
        _timer = new Timer(_ => Look(pid), null, First, Every);
    }

    /// <summary>A line for each program.</summary>
    public IReadOnlyList<string> Found =>
        [.. from program in _seen
            where program.Value is not null
            orderby program.Key
            select $"{program.Key} {program.Value}"];

    public void Dispose()
    {
        using var ended = new ManualResetEvent(false);
        if (_timer.Dispose(ended))
            ended.WaitOne();
    }

    private void Look(int pid)
    {
        if (Interlocked.Exchange(ref _isLooking, 1) != 0)
            return;
        try
        {
            LookAt(pid);
        }
        finally
        {
            Volatile.Write(ref _isLooking, 0);
        }
    }

    private string? Judge(string program) => Executable.WhyNotRecordable(program, _via, _detours) is { } why
        ? $"ran and is not recorded: {Executable.Describe(why)}"
        : _via == RecordVia.Preload ? Executable.UnrecordedCalls(program, _detours) : null;

    private void LookAt(int pid)
    {
        try
        {
            string program = $"/proc/{pid}/exe";
            if (new FileInfo(program).LinkTarget is { } target)
                _seen.GetOrAdd(target, _ => Judge(program));
            foreach (string child in File.ReadAllText($"/proc/{pid}/task/{pid}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries))
                LookAt(int.Parse(child, CultureInfo.InvariantCulture));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It has ended, or runs with rights that we have not.
        }
    }
}
