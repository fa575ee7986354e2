using AllocReplay.Formats;

namespace AllocReplay.Drain;

/// <summary>
/// Looks how much memory the processes of images have, from their start on, and writes it to their directories: on a thread of its own, as to count the
/// pages of a large process takes longer than threads can wait for chunks. How often each is looked at, <see cref="SampledImage"/> says.
/// </summary>
internal sealed class MemorySampler
{
    private const int EntriesMax = 1 << 15; // 1.25 MiB; thinned as far as their age allows
    private const int KeptShare = 64; // of what is kept of a recording, one in so many parts

    private readonly object _lock = new(); // of what follows; pulsed when it changes
    private readonly List<SampledImage> _images = [];
    private readonly int _entriesMax;
    private readonly Thread _thread;
    private SampledImage? _current; // which the thread looks at
    private bool _isPaused, _ends;

    /// <param name="keep">How much of the recording is kept.</param>
    public MemorySampler(Retention keep)
    {
        _entriesMax = keep.Bytes == 0 ? EntriesMax : (int)Math.Clamp(keep.Bytes / KeptShare / MemoryEntries.Size, 1, EntriesMax);
        _thread = new Thread(Work) { IsBackground = true, Name = "memory" };
        _thread.Start();
    }

    /// <summary>Whether nothing is looked at for now: the disk has no room for it.</summary>
    public bool IsPaused
    {
        set
        {
            lock (_lock)
            {
                if (_isPaused == value)
                    return;
                _isPaused = value;
                Monitor.PulseAll(_lock);
            }
        }
    }

    /// <summary>Begins with an image, at once.</summary>
    /// <param name="directory">Of the image.</param>
    /// <param name="process">Its process.</param>
    public SampledImage Begin(string directory, RecordedProcess process)
    {
        var image = new SampledImage(process, new MemoryLog(directory, _entriesMax));
        lock (_lock)
        {
            _images.Add(image);
            Monitor.PulseAll(_lock);
        }
        return image;
    }

    /// <summary>An image has ended: nothing more is written to its directory.</summary>
    public void End(SampledImage image)
    {
        lock (_lock)
        {
            _images.Remove(image);
            if (image != _current)
                image.Dispose();
        }
    }

    /// <summary>Ends its thread.</summary>
    public void Complete()
    {
        lock (_lock)
        {
            _ends = true;
            Monitor.PulseAll(_lock);
        }
        _thread.Join();
    }

    private void Work()
    {
        _ = Terminal.Prefer(0, 0, 0); // the drain's own thread comes before programs; this one is as they are
        while (Next() is { } image)
        {
            image.Look();
            lock (_lock)
            {
                _current = null;
                if (_images.Contains(image) && image.Write(_images.Count))
                    continue;
                _images.Remove(image);
                image.Dispose();
            }
        }
    }

    /// <summary>Waits for the time of the image whose turn is next; null when it ends.</summary>
    private SampledImage? Next()
    {
        lock (_lock)
        {
            while (!_ends)
            {
                SampledImage? next = _isPaused ? null : _images.MinBy(i => i.DueNs);
                ulong now = SessionClock.MonotonicNs;
                if (next is null)
                    Monitor.Wait(_lock);
                else if (next.DueNs > now)
                    Monitor.Wait(_lock, TimeSpan.FromMilliseconds((next.DueNs - now) / 1e6 + 1));
                else
                    return _current = next;
            }
            return null;
        }
    }
}
