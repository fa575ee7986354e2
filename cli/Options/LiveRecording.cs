using System.Diagnostics;
using AllocReplay.Cli.Output;
using AllocReplay.Cli.Pages;
using AllocReplay.Formats;
using AllocReplay.Formats.Statistics;

namespace AllocReplay.Cli.Options;

/// <summary>A process image that is watched while it is recorded: what there is of it is read, counted, and told as of a moment.</summary>
internal sealed class LiveRecording : IDisposable
{
    /// <summary>Columns of live bytes over time.</summary>
    private const int TimeColumns = 60;

    private readonly FollowedImage _image;
    private readonly TraceFollower _follower;
    private readonly LiveStatistics _statistics = new();
    private readonly LiveWindow _window;
    private readonly LiveSites _sites;
    private readonly string _trace;
    private long _firstHorizonNs, _markedNs, _eventsBefore, _behindBefore;
    private long _markedAt; // of the stopwatch, 0: never
    private double? _eventsPerSecond;
    private double _behindPerSecond;
    private long _behind;

    private LiveRecording(string trace, FollowedImage image, TimeSpan window, Func<TraceFollower, LiveSites> sites)
    {
        (_trace, _image, _follower) = (trace, image, image.Reader);
        _window = new LiveWindow(_statistics, (long)window.TotalNanoseconds);
        _sites = sites(_follower);
    }

    /// <summary>Its directory.</summary>
    public string Path => _follower.Path;

    /// <summary>Whether nothing is to come, and all was read.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Whether nothing is to come because who wrote the files was killed.</summary>
    public bool IsAbandoned => _image.IsAbandoned;

    /// <summary>Whether events were let go of before they were read: another has to begin with what is there now.</summary>
    public bool IsOvertaken => _follower.IsOvertaken;

    /// <summary>Whether all was read that is final.</summary>
    public bool IsCaughtUp => _follower.IsCaughtUp;

    /// <summary>Whether all was read that was final when it was first known how much that was: what follows is as it comes.</summary>
    public bool HasBegun => _firstHorizonNs > 0 && (IsCaughtUp || _follower.TimeNs >= _firstHorizonNs);

    /// <param name="trace">The recording.</param>
    /// <param name="image">Directory of the process image.</param>
    /// <param name="window">Over which growth is measured.</param>
    /// <param name="sites">What its sites are called.</param>
    public static LiveRecording Open(string trace, string image, TimeSpan window, Func<TraceFollower, LiveSites> sites) =>
        new(trace, FollowedImage.Open(image), window, sites);

    /// <summary>Looks what has come, and reads it.</summary>
    /// <param name="goesOn">Asked every few thousand events.</param>
    public void Read(Func<bool> goesOn)
    {
        _image.Look();
        IsOver = _follower.ForEach([_statistics], goesOn) && _follower.HorizonNs == long.MaxValue;
        if (_firstHorizonNs == 0)
            _firstHorizonNs = _follower.HorizonNs;
        _sites.Update();
    }

    /// <summary>A moment has come that is told: rates are since the one before.</summary>
    public void Mark()
    {
        long now = Stopwatch.GetTimestamp(), upTo = UpToNs;
        double eventsPerByte = (double)_follower.Events / Math.Max(1, _follower.BytesRead);
        _behind = _follower.IsCaughtUp ? 0 : (long)(_follower.BytesPending * eventsPerByte);
        if (_markedAt != 0)
            _behindPerSecond = _behind == 0 ? 0 : (_behind - _behindBefore) / Math.Max(0.001, Stopwatch.GetElapsedTime(_markedAt, now).TotalSeconds);
        (_behindBefore, _markedAt) = (_behind, now);
        if (upTo > _markedNs)
        {
            if (_markedNs > 0)
                _eventsPerSecond = (_follower.Events - _eventsBefore) / ((upTo - _markedNs) / 1e9);
            (_eventsBefore, _markedNs) = (_follower.Events, upTo);
        }
        _window.Mark(upTo);
    }

    /// <summary>Waits until the sites have names.</summary>
    public void AwaitNames(CancellationToken token)
    {
        _ = Sites(TopOrder.Live, int.MaxValue); // what is not known is asked for
        for (int round = 0; round < 2; round++) // the second for what came while the first was found
        {
            _sites.Update();
            _sites.Await(token);
            _sites.Update();
            _ = Sites(TopOrder.Live, int.MaxValue);
        }
    }

    /// <summary>What is known as of the latest moment.</summary>
    /// <param name="order">What the tables are sorted by.</param>
    /// <param name="rows">Of each table, at most.</param>
    public TopReport Report(TopOrder order, int rows)
    {
        ProcessInfo process = _follower.Process;
        LiveFigures total = _statistics.Total;
        long lag = IsOver ? 0 : Math.Max(0, (long)(DateTimeOffset.UtcNow - process.Started).TotalNanoseconds - _markedNs);
        return new TopReport
        {
            Trace = _trace,
            Process = _follower.Image,
            Pid = process.Pid,
            Executable = process.Executable,
            Started = process.Started,
            State = IsAbandoned ? TopState.Abandoned : IsOver ? TopState.Ended : process.State == RecordingState.Failed ? TopState.Failed
                : _follower.IsRecording ? TopState.Recording : TopState.Stopped,
            Failure = process.Failure,
            Damage = _follower.Damage?.Message,
            Problem = _follower.Damage,
            Interval = _follower.Intervals.Count > 0 ? _follower.Intervals[^1].Number : 0,
            KeptFromNs = _follower.Carried?.UntilNs,
            Mark = _follower.Markers.Count > 0 ? _follower.Markers[^1].Name : null,
            TimeNs = _markedNs,
            LagNs = lag,
            IsCaughtUp = _follower.IsCaughtUp,
            EventsBehind = _behind,
            EventsBehindPerSecond = _behindPerSecond,
            Events = _follower.Events,
            LostEvents = process.LostEvents,
            Sample = process.Sample,
            SampleScheme = process.SampleScheme,
            EventsPerSecond = _eventsPerSecond,
            AllocationsPerSecond = total.BlocksPerSecond,
            BytesPerSecond = total.BytesPerSecond,
            Blocks = total.Blocks,
            LiveBlocks = total.LiveBlocks,
            LiveBytes = total.LiveBytes,
            PeakBytes = _statistics.PeakBytes,
            RssBytes = _follower.ReadMemory()?.ResidentBytes,
            WindowNs = _window.SpanNs,
            GrowthPerMinute = total.GrowthPerMinute,
            HasStacks = process.Stacks,
            SiteCount = process.Stacks ? _statistics.Sites.Count : 0,
            Sites = process.Stacks ? Sites(order, rows) : [],
            ThreadCount = _statistics.Threads.Count,
            RunningThreads = _statistics.Threads.Count(t => !t.HasEnded),
            Threads = Threads(order, rows),
            LiveOverTime = [.. Sparkline.Peaks(_statistics.Timeline.PeakLiveBytes, TimeColumns).Select(v => (ulong)v)],
        };
    }

    public void Dispose()
    {
        _sites.Dispose();
        _image.Dispose();
    }

    /// <summary>Up to which all was counted: while it is behind, up to the last event; its horizon is then of what it has not read.</summary>
    private long UpToNs => _follower.IsCaughtUp && _follower.HorizonNs < long.MaxValue ? _follower.HorizonNs : _follower.TimeNs;

    /// <summary>Stacks by the function and line that they are named after.</summary>
    private List<TopSite> Sites(TopOrder order, int rows) =>
    [
        .. _statistics.Sites.GroupBy(s => _sites.Of(s.Key)).Select(g => (Site: g.Key, Figures: g.Select(Of).Aggregate((a, b) => a + b)))
            .OrderByDescending(g => g.Figures.Rank(order)).ThenByDescending(g => g.Figures.LiveBytes).Take(rows).Select(g => new TopSite(g.Figures)
            {
                Function = g.Site.Function,
                File = g.Site.File,
                Line = g.Site.Line,
            }),
    ];

    private List<TopThread> Threads(TopOrder order, int rows)
    {
        IReadOnlyList<ThreadInfo> infos = _follower.Threads;
        return
        [
            .. _statistics.Threads.OrderByDescending(t => Of(t).Rank(order)).ThenByDescending(t => t.LiveBytes).Take(rows).Select(t => new TopThread(Of(t))
            {
                Index = t.Key,
                OsTid = infos[t.Key].OsTid,
                Name = infos[t.Key].Name,
                HasEnded = t.HasEnded,
                CallsPerSecond = t.CallsPerSecond,
            }),
        ];
    }

    private static TopFigures Of(LiveFigures f) => new(f.LiveBytes, f.LiveBlocks, f.GrowthPerMinute, f.BlocksPerSecond, f.BytesPerSecond, f.Blocks);
}
