using AllocReplay.Cli.Commands;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Formats.Statistics;
using AllocReplay.Recorder;

namespace AllocReplay.Cli.Options;

/// <summary>Takes the snapshots that a recording takes by itself. To know how much is live it reads, beside the program, what is recorded.</summary>
/// <param name="occasions">When.</param>
/// <param name="directory">The recording's.</param>
/// <param name="quiet">Whether nothing is said of those that were taken.</param>
/// <param name="terminal">Told of them.</param>
internal sealed class SnapshotTaker(SnapshotOccasions occasions, string directory, bool quiet, Terminal terminal) : IDisposable
{
    private const string Live = "live";

    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(500);

    private readonly ManualResetEventSlim _ends = new(false);
    private readonly HashSet<string> _unreadable = [];
    private Thread? _watch;
    private volatile bool _isOnDisk; // the command has ended, and all of it is

    /// <summary>The command runs.</summary>
    public void Started()
    {
        if (occasions.LiveBytes is not { } limit)
            return;
        _watch = new Thread(() => Watch((ulong)limit)) { IsBackground = true, Name = "live" };
        _watch.Start();
    }

    /// <summary>The command has ended, and all of it is on disk.</summary>
    /// <param name="isCrash">A signal has ended it.</param>
    public void Ended(bool isCrash)
    {
        _isOnDisk = true;
        StopWatching();
        if (occasions.AtCrash && isCrash)
            _ = Take("crash");
        if (occasions.AtExit)
            _ = Take("exit");
    }

    public void Dispose()
    {
        StopWatching();
        _ends.Dispose();
    }

    private void StopWatching()
    {
        _ends.Set();
        _watch?.Join();
        _watch = null;
    }

    private void Watch(ulong limit)
    {
        var watched = new Dictionary<string, (TraceFollower Follower, LiveStatistics Statistics)>();
        try
        {
            while (!_ends.Wait(LookEvery))
            {
                foreach (string image in Images(i => i.Running()).Where(i => !watched.ContainsKey(i)))
                    if (Open(image) is { } follower)
                        watched.Add(image, (follower, new LiveStatistics()));
                foreach ((string image, (TraceFollower follower, LiveStatistics statistics)) in watched.ToArray())
                {
                    if (!File.Exists(Path.Combine(image, "process")))
                    {
                        follower.Dispose(); // it had ended, and nothing of it is kept
                        watched.Remove(image);
                        continue;
                    }
                    follower.Look();
                    if (follower.IsOvertaken)
                    {
                        follower.Dispose(); // what is live is in what is kept, from which the next look begins
                        watched.Remove(image);
                        continue;
                    }
                    if (IsReached(follower, statistics, limit, () => !_ends.IsSet) && Take(Live))
                        return;
                }
            }
            if (_isOnDisk)
                LookOnceMore(watched, limit);
        }
        catch (Exception e) when (e is TraceFormatException or IOException or ControlException or UnauthorizedAccessException)
        {
            terminal.Note($"allocreplay: --snapshot-on live: what is live is not known any more: {e.Message}");
        }
        finally
        {
            foreach ((TraceFollower follower, _) in watched.Values)
                follower.Dispose();
        }
    }

    /// <summary>When the command has ended: what the looks before did not come to, as they are behind, and of what ran too shortly for one.</summary>
    private void LookOnceMore(Dictionary<string, (TraceFollower Follower, LiveStatistics Statistics)> watched, ulong limit)
    {
        foreach (string image in Images(i => i.Now()))
        {
            if (!watched.Remove(image, out var known))
                known = Open(image) is { } opened ? (opened, new LiveStatistics()) : default;
            using TraceFollower? follower = known.Follower;
            follower?.Finish();
            if (follower is null || !IsReached(follower, known.Statistics, limit, () => true))
                continue;
            _ = Take(Live);
            return;
        }
        if (!quiet)
            terminal.Note($"allocreplay: no snapshot was taken ({Live}): no process had more than {Quantity.Bytes(limit)} live");
    }

    private static bool IsReached(TraceFollower follower, LiveStatistics statistics, ulong limit, Func<bool> goesOn)
    {
        follower.ForEach([statistics], () => goesOn() && statistics.PeakBytes <= limit);
        return statistics.PeakBytes > limit;
    }

    private IReadOnlyList<string> Images(Func<WatchedImages, IReadOnlyList<string>> which)
    {
        try
        {
            return [.. which(WatchedImages.Find(directory)).Where(i => !_unreadable.Contains(i))];
        }
        catch (ControlException)
        {
            return []; // there is none yet
        }
    }

    private TraceFollower? Open(string image)
    {
        try
        {
            return TraceFollower.Open(image);
        }
        catch (TraceFormatException)
        {
            _unreadable.Add(image); // its recording is not whole, which is told at the end
            return null;
        }
    }

    /// <returns>Whether it is there.</returns>
    private bool Take(string why)
    {
        string file = Path.ChangeExtension(directory, null) + $".{why}{PackCommand.Extension}";
        try
        {
            // What the recording before left there is replaced with it.
            string said = SnapshotCommand.Describe(file, RecordingSnapshot.Take(ControlTarget.Find(directory), file, replace: true));
            if (!quiet)
                terminal.Note(said);
            return true;
        }
        catch (Exception e) when (e is TraceFormatException or TraceNotWritableException or IOException or ControlException or UnauthorizedAccessException)
        {
            terminal.Note($"allocreplay: no snapshot was taken ({why}): {e.Message}");
            return false;
        }
    }
}
