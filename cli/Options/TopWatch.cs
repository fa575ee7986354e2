using System.Diagnostics;
using AllocReplay.Cli.Pages;
using AllocReplay.Formats;
using AllocReplay.Recorder;

namespace AllocReplay.Cli.Options;

/// <summary>Watches the process images of a recording, one at a time, until they have ended or nobody wants to see more.</summary>
/// <param name="images">Those that are meant.</param>
/// <param name="process">Name of the only one; null for the busiest, then the busiest of those that are left.</param>
/// <param name="interval">Between two moments that are shown.</param>
/// <param name="open">Begins to watch one.</param>
/// <param name="view">Where they are shown.</param>
/// <param name="token">Ends it.</param>
internal sealed class TopWatch(
    WatchedImages images, string? process, TimeSpan interval, Func<string, LiveRecording> open, ITopView view, CancellationToken token)
{
    /// <summary>Between two looks at the files, once all was read.</summary>
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(200);

    /// <summary>Events come a second's at a time: while it reads them, a moment that is due waits for so long, so that it is of all of them.</summary>
    private static readonly TimeSpan BehindAfter = TimeSpan.FromSeconds(1);

    /// <summary>At a stretch, before keys are looked at.</summary>
    private static readonly TimeSpan ReadAtMost = TimeSpan.FromMilliseconds(200);

    private readonly HashSet<string> _seen = [];

    /// <summary>Whether the last one that was watched has ended, and none is left.</summary>
    public bool HasEnded { get; private set; }

    /// <returns>The last moment of the last image that was watched; null where there was none.</returns>
    /// <exception cref="ControlException">There is no process image.</exception>
    /// <exception cref="UsageException">There is no image of that name.</exception>
    /// <exception cref="TraceFormatException">It cannot be read.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public TopReport Run()
    {
        string? image = ImageChoice.First(images, process);
        while (true)
        {
            _seen.Add(image);
            using LiveRecording live = open(image);
            TopReport last = Watch(live);
            if (live.IsOvertaken && !live.IsOver && !view.IsDone)
                continue; // from what is kept, which has all that is live
            if (view.IsDone && !live.IsOver)
                return last;
            image = process is null ? ImageChoice.Busiest([.. images.Running().Where(i => !_seen.Contains(i))]) : null;
            if (image is not null && !view.IsDone)
                continue;
            HasEnded = image is null;
            return last;
        }
    }

    private TopReport Watch(LiveRecording live)
    {
        bool hasBegun = view.IsEager;
        long next = Stopwatch.GetTimestamp(), step = TicksOf(interval), grace = TicksOf(BehindAfter);
        while (true)
        {
            long until = Stopwatch.GetTimestamp() + TicksOf(ReadAtMost);
            live.Read(() => Stopwatch.GetTimestamp() < until && !token.IsCancellationRequested);
            token.ThrowIfCancellationRequested();
            if (live.IsOvertaken)
                return live.Report(view.Order, view.Rows);
            long now = Stopwatch.GetTimestamp();
            if (!hasBegun && live.HasBegun)
            {
                // Rates are from here on.
                hasBegun = true;
                live.Mark();
                next = now + step;
            }
            if (live.IsOver || hasBegun && now >= next && (live.IsCaughtUp || now >= next + grace))
            {
                live.Mark();
                if (!view.IsEager)
                    live.AwaitNames(token);
                view.Show(live.Report(view.Order, view.Rows));
                next = Math.Max(next + step, now);
            }
            else if (view.IsStale)
            {
                view.Show(live.Report(view.Order, view.Rows));
            }
            if (live.IsOver || view.IsDone)
                return live.Report(view.Order, view.Rows);
            view.Wait(live.IsCaughtUp ? Shorter(LookEvery, Stopwatch.GetElapsedTime(now, next)) : TimeSpan.Zero, token);
            if (view.IsDone)
                return live.Report(view.Order, view.Rows);
        }
    }

    private static long TicksOf(TimeSpan time) => (long)(time.TotalSeconds * Stopwatch.Frequency);

    private static TimeSpan Shorter(TimeSpan a, TimeSpan b) => b < TimeSpan.Zero ? TimeSpan.Zero : a < b ? a : b;
}
