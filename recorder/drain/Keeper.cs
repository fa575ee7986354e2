using AllocReplay.Formats;
using AllocReplay.Formats.Recording;

namespace AllocReplay.Drain;

/// <summary>
/// Lets go of the oldest segments of a session's images, on a thread of its own, while the drain writes: see <see cref="RecordingWindow"/>. It reads files
/// alone; what it asks of the drain stands in flags that the drain looks at.
/// </summary>
/// <remarks>
/// The budget is the session's. An image that has ended is let go of like any other; when nothing of it is in the window its directory goes, as none of
/// its blocks is live. What cannot be let go of, blocks that are live above all, may take more than the budget: a quarter of it is left to the window then.
/// </remarks>
internal sealed class Keeper
{
    private const int WindowShare = 4; // of the budget, at least one such part
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5), IdlePause = TimeSpan.FromMilliseconds(100);

    private readonly Retention _keep;
    private readonly Action<string> _say;
    private readonly object _lock = new(); // of what follows, and of the images' fields; pulsed when they change
    private readonly Dictionary<string, KeptImage> _images = [];
    private readonly Thread _thread;
    private bool _needsRound, _ends, _saidTooMuch;
    private int _gone;

    private sealed class KeptImage(string directory)
    {
        public readonly Queue<(long Bytes, ulong ClosedNs)> Closed = new(); // segments, the oldest first
        public string Directory => directory;
        public int First; // number of the oldest segment
        public long OpenBytes, OtherBytes, CarriedBytes;
        public bool HasEnded, IsToRoll;
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

    /// <summary>Whether nothing is to be written before something was let go of.</summary>
    public bool IsBehind
    {
        get
        {
            if (_keep.Bytes == 0)
                return false;
            lock (_lock)
                return TotalBytes > Math.Max(_keep.BytesMost, OtherBytes + _keep.Bytes / WindowShare + _keep.BytesMost - _keep.Bytes);
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
            _images[directory] = image;
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
            if (!_images.TryGetValue(directory, out KeptImage? image))
                return false;
            (image.OpenBytes, image.OtherBytes) = (open, other);
            return image.IsToRoll;
        }
    }

    /// <summary>A segment has ended, and another is begun.</summary>
    public void Rolled(string directory, long bytes, ulong now)
    {
        lock (_lock)
        {
            if (!_images.TryGetValue(directory, out KeptImage? image))
                return;
            image.Closed.Enqueue((bytes, now));
            (image.OpenBytes, image.IsToRoll) = (0, false);
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>An image has ended: nobody writes it.</summary>
    public void End(string directory, long bytes, ulong now)
    {
        lock (_lock)
        {
            if (!_images.TryGetValue(directory, out KeptImage? image))
                return;
            image.Closed.Enqueue((bytes, now));
            (image.OpenBytes, image.HasEnded) = (0, true);
            Monitor.PulseAll(_lock);
        }
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
        lock (_lock)
        {
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

    private long TotalBytes => _images.Values.Sum(i => i.OpenBytes + i.Closed.Sum(s => s.Bytes)) + OtherBytes;

    /// <summary>Of all but segments. What is carried counts twice, as it is written anew beside itself.</summary>
    private long OtherBytes => _images.Values.Sum(i => i.OtherBytes + 2 * i.CarriedBytes);

    private void Work()
    {
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
            long total = TotalBytes, fixedBytes = OtherBytes;
            bool isTooMuch = _keep.Bytes > 0 && total - fixedBytes > Math.Max(_keep.Bytes - fixedBytes, _keep.Bytes / WindowShare);
            if (isTooMuch && fixedBytes > _keep.Bytes - _keep.Bytes / WindowShare && !_saidTooMuch)
            {
                _saidTooMuch = true;
                _say($"what is kept of older events takes {fixedBytes >> 20} MiB: the recording is larger than --keep allows");
            }
            KeptImage? oldest = _images.Values.Where(i => i.Closed.Count > 0 && i.Failure is null).MinBy(i => i.Closed.Peek().ClosedNs);
            if (oldest is not null && (isTooMuch || _keep.Ns > 0 && now - oldest.Closed.Peek().ClosedNs > (ulong)_keep.Ns))
                return oldest;
            if (isTooMuch && _images.Values.Where(i => !i.HasEnded).MaxBy(i => i.OpenBytes) is { OpenBytes: > 0 } largest)
                largest.IsToRoll = true;
            return null;
        }
    }

    /// <returns>False while it is not known yet which of the segment's events are final.</returns>
    private bool LetGo(KeptImage image)
    {
        try
        {
            bool hasEnded = image.HasEnded;
            image.Window ??= RecordingWindow.Open(image.Directory);
            image.Window.Look(hasEnded);
            if (!image.Window.PassSegment(image.First))
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
                _ = image.Closed.Dequeue();
                image.First++;
                image.CarriedBytes = carried;
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
                image.Failure = e.Message;
        }
        return true;
    }

    private void Remove(KeptImage image)
    {
        image.Window?.Dispose();
        Directory.Delete(image.Directory, recursive: true);
        _gone++;
        lock (_lock)
            _ = _images.Remove(image.Directory);
    }
}
