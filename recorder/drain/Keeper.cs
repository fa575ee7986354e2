using AllocReplay.Formats;
using AllocReplay.Formats.Recording;

namespace AllocReplay.Drain;

/// <summary>
/// Lets go of the oldest segments of a session's images, on a thread of its own, while the drain writes: see <see cref="RecordingWindow"/>. It reads files
/// alone; what it asks of the drain stands in flags that the drain looks at.
/// </summary>
/// <remarks>
/// The budget is the session's. An image that has ended is let go of like any other; when nothing of it is in the window its directory goes, as none of
/// its blocks is live. What cannot be let go of, blocks that are live above all, may take more than the budget: half of it is left to the window then.
/// </remarks>
internal sealed class Keeper
{
    private const int WindowShare = 2; // of the budget, at least one such part
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5), IdlePause = TimeSpan.FromMilliseconds(100);

    private readonly Retention _keep;
    private readonly Action<string> _say;
    private readonly object _lock = new(); // of what follows, and of the images' fields; pulsed when they change
    private readonly Dictionary<string, KeptImage> _images = [];
    private readonly Thread _thread;
    private long _segmentBytes, _otherBytes; // of all images whose events can be let go of
    private long? _roomFrom; // bytes of segments: with no more a chunk is written though it is too much, as nothing can be let go of before
    private int _roundsInVain; // since something was let go of
    private bool _needsRound, _ends, _saidTooMuch;
    private int _gone;

    private sealed class KeptImage(string directory)
    {
        public readonly Queue<(long Bytes, ulong ClosedNs)> Closed = new(); // segments, the oldest first
        public string Directory => directory;
        public int First; // number of the oldest segment
        public long OpenBytes, OtherBytes, CarriedBytes;
        public ulong FinalTicks; // all of before is in the files
        public bool HasEnded, IsToRoll, IsDamageSaid;
        public string? Failure;
        public RecordingWindow? Window; // the thread's alone
    }

    /// <param name="keep">How much is kept.</param>
    /// <param name="say">Told what the user should know.</param>
    public Keeper(Retention keep, Action<string> say)
    {
        (_keep, _say) = (keep, say);
        _thread = new Thread(Work) { IsBackground = true, Name = "keeper" };
        _thread.Start();
    }

    /// <summary>Whether the drain is to bring in all that there is soon, so that it is known which events are final.</summary>
    public bool NeedsRound => Volatile.Read(ref _needsRound);

    /// <summary>Whether another chunk may be written; not, before something was let go of.</summary>
    /// <remarks>
    /// It always comes to that: what is written is let go of once it is final, and it is final when the chunks are written that were filled before. These are
    /// written first, and each time that rounds were in vain there is room for one.
    /// </remarks>
    public bool HasRoom
    {
        get
        {
            lock (_lock)
                return _keep.Bytes == 0 || _segmentBytes < WindowBytes + _keep.SlackBytes || _segmentBytes <= _roomFrom;
        }
    }

    /// <summary>An image begins, or is gone on with.</summary>
    /// <param name="directory">Of the image.</param>
    /// <param name="first">Number of its first segment.</param>
    /// <param name="closed">Bytes of the segments that are closed.</param>
    /// <param name="now">CLOCK_MONOTONIC, ns.</param>
    public void Begin(string directory, int first, IEnumerable<long> closed, ulong now)
    {
        var image = new KeptImage(directory) { First = first };
        foreach (long bytes in closed)
            image.Closed.Enqueue((bytes, now));
        lock (_lock)
        {
            _images[directory] = image;
            _segmentBytes += image.Closed.Sum(s => s.Bytes);
        }
    }

    /// <summary>Images that had ended under a drain before this one.</summary>
    /// <param name="session">The session's directory.</param>
    /// <param name="live">Directories of those that have not.</param>
    public void Adopt(string session, IReadOnlyCollection<string> live)
    {
        ulong now = SessionClock.MonotonicNs;
        foreach (string directory in Directory.GetDirectories(session).Where(d => File.Exists(Path.Combine(d, Wire.ProcessFile)) && !live.Contains(d)))
        {
            (int first, long[] closed) = ImageFiles.SegmentsBefore(directory, int.MaxValue);
            if (closed.Length == 0)
                continue;
            Begin(directory, first, closed[..^1], now);
            End(directory, closed[^1], now);
        }
    }

    /// <summary>How much there is of an image.</summary>
    /// <param name="directory">Of the image.</param>
    /// <param name="open">Bytes of the segment that is written.</param>
    /// <param name="other">Bytes of its other files, but what is carried.</param>
    /// <returns>Whether that segment is to end.</returns>
    public bool Measure(string directory, long open, long other)
    {
        lock (_lock)
        {
            if (!_images.TryGetValue(directory, out KeptImage? image) || image.Failure is not null)
                return false;
            _segmentBytes += open - image.OpenBytes;
            _otherBytes += other - image.OtherBytes;
            (image.OpenBytes, image.OtherBytes) = (open, other);
            return image.IsToRoll;
        }
    }

    /// <summary>A segment has ended, and another is begun.</summary>
    public void Rolled(string directory, long bytes, ulong now)
    {
        lock (_lock)
        {
            if (!_images.TryGetValue(directory, out KeptImage? image) || image.Failure is not null)
                return;
            Close(image, bytes, now);
            image.IsToRoll = false;
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>An image has ended: nobody writes it.</summary>
    public void End(string directory, long bytes, ulong now)
    {
        lock (_lock)
        {
            if (!_images.TryGetValue(directory, out KeptImage? image) || image.Failure is not null)
                return;
            Close(image, bytes, now);
            image.HasEnded = true;
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>All that an image recorded before a moment is in its files.</summary>
    public void IsFinal(string directory, ulong ticks)
    {
        lock (_lock)
            if (_images.TryGetValue(directory, out KeptImage? image))
                image.FinalTicks = ticks;
    }

    /// <summary>Why an image's events can be let go of no further; null: they can.</summary>
    public string? FailureOf(string directory)
    {
        lock (_lock)
            return _images.GetValueOrDefault(directory)?.Failure;
    }

    /// <summary>A round is over.</summary>
    public void RoundIsOver()
    {
        const int inVainMax = 2; // the first brings in what was written, the second tells that it is final
        lock (_lock)
        {
            if (_needsRound && _roundsInVain++ >= inVainMax)
                _roomFrom = _segmentBytes;
            _needsRound = false;
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Ends its thread when the recording is within its bounds.</summary>
    public void Complete()
    {
        lock (_lock)
        {
            _ends = true;
            Monitor.PulseAll(_lock);
        }
        _thread.Join();
        if (_gone > 0)
            _say($"{_gone} process images had ended before what is kept began: nothing is left of them");
    }

    /// <summary>Bytes that segments may have.</summary>
    private long WindowBytes => Math.Max(_keep.Bytes - _otherBytes, _keep.Bytes / WindowShare);

    private void Close(KeptImage image, long bytes, ulong now)
    {
        image.Closed.Enqueue((bytes, now));
        _segmentBytes += bytes - image.OpenBytes;
        image.OpenBytes = 0;
    }

    /// <summary>What there is of an image counts no more.</summary>
    private void Leave(KeptImage image)
    {
        _segmentBytes -= image.OpenBytes + image.Closed.Sum(s => s.Bytes);
        _otherBytes -= image.OtherBytes + 2 * image.CarriedBytes;
    }

    private void Work()
    {
        _ = Terminal.Prefer(0, 0, 0); // the drain's own thread comes before programs; this one is as they are
        while (true)
        {
            bool ends = Volatile.Read(ref _ends);
            if (Choose() is not { } image)
            {
                if (ends)
                    break;
                WaitForChange(IdlePause, needsRound: false);
            }
            else if (!LetGo(image))
            {
                WaitForChange(Pause, needsRound: true);
            }
        }
        foreach (KeptImage image in _images.Values)
            image.Window?.Dispose();
    }

    private void WaitForChange(TimeSpan atMost, bool needsRound)
    {
        lock (_lock)
        {
            _needsRound |= needsRound;
            _ = Monitor.Wait(_lock, atMost);
        }
    }

    /// <summary>The image whose oldest segment is the oldest, where one is to be let go of.</summary>
    private KeptImage? Choose()
    {
        ulong now = SessionClock.MonotonicNs;
        lock (_lock)
        {
            bool isTooMuch = _keep.Bytes > 0 && _segmentBytes > WindowBytes;
            if (isTooMuch && _otherBytes > _keep.Bytes - _keep.Bytes / WindowShare && !_saidTooMuch)
            {
                _saidTooMuch = true;
                _say($"live blocks, stacks and chunks that are not full take {_otherBytes >> 10} KiB: the latest part is short, and the recording may "
                    + $"be larger than --keep says; --keep {(_otherBytes * WindowShare >> 20) + 1}M has room for both");
            }
            KeptImage? oldest = _images.Values.Where(i => i.Closed.Count > 0 && i.Failure is null).MinBy(i => i.Closed.Peek().ClosedNs);
            if (oldest is not null && (isTooMuch || _keep.Ns > 0 && now - oldest.Closed.Peek().ClosedNs > (ulong)_keep.Ns))
                return oldest;
            if (isTooMuch && _images.Values.Where(i => !i.HasEnded && i.Failure is null).MaxBy(i => i.OpenBytes) is { OpenBytes: > 0 } largest)
                largest.IsToRoll = true;
            return null;
        }
    }

    /// <returns>False while it is not known yet which of the segment's events are final.</returns>
    private bool LetGo(KeptImage image)
    {
        try
        {
            bool hasEnded;
            ulong final;
            lock (_lock)
                (hasEnded, final) = (image.HasEnded, image.FinalTicks);
            image.Window ??= RecordingWindow.Open(image.Directory);
            image.Window.Look(hasEnded, final);
            bool isPassed = image.Window.PassSegment(image.First);
            SayDamage(image, image.Window.Damage);
            if (!isPassed)
                return false;
            if (hasEnded && image.Closed.Count == 1)
            {
                Remove(image);
                return true;
            }
            image.Window.Save();
            long carried = new FileInfo(Path.Combine(image.Directory, Wire.CarriedFile)).Length;
            lock (_lock)
            {
                _segmentBytes -= image.Closed.Dequeue().Bytes;
                _otherBytes += 2 * (carried - image.CarriedBytes); // twice, as it is written anew beside itself
                image.First++;
                image.CarriedBytes = carried;
                (_roomFrom, _roundsInVain) = (null, 0);
            }
            if (hasEnded)
            {
                image.Window.Dispose();
                image.Window = null;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or TraceFormatException or TraceNotWritableException)
        {
            lock (_lock)
            {
                Leave(image);
                image.Failure = e.Message;
            }
        }
        return true;
    }

    /// <summary>What is kept lacks what cannot be read, and where nothing reads as a chunk, all behind that: who asked for it is to know.</summary>
    private void SayDamage(KeptImage image, TraceFormatException? damage)
    {
        if (damage is null || image.IsDamageSaid)
            return;
        image.IsDamageSaid = true;
        _say($"{Path.GetFileName(image.Directory)} is damaged: what cannot be read is let go of with the rest, and what is live of it is lost: "
            + damage.Message);
    }

    private void Remove(KeptImage image)
    {
        image.Window?.Dispose();
        Directory.Delete(image.Directory, recursive: true);
        _gone++;
        lock (_lock)
        {
            Leave(image);
            _ = _images.Remove(image.Directory);
            (_roomFrom, _roundsInVain) = (null, 0);
        }
    }
}
