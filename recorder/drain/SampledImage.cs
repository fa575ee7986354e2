using AllocReplay.Formats;
using AllocReplay.Recorder.Arena;

namespace AllocReplay.Drain;

/// <summary>An image whose memory is looked at, and when it is next.</summary>
/// <remarks>
/// <para>Ten times a second, by the kernel's counters; after a look that found what the one before had found twice as long after it as that was, up to
/// 0.8 s, until something has changed. Of that kind is the last one before the process's end, of which nobody is told before.</para>
/// <para>The pages are counted too, from the first look on, as often as that takes no more than half a per cent of a processor for all images together: the
/// next time is two hundred times as long after it as it took, for each of them. Counters are read more rarely by the same rule, where there are
/// hundreds of images. So what looks take is one per cent, and first looks.</para>
/// <para>The process goes on meanwhile: it waits for who counts only to change what it has mapped, and then as long as one mapping takes.</para>
/// </remarks>
internal sealed class SampledImage(RecordedProcess process, MemoryLog log) : IDisposable
{
    private const ulong Every = 100_000_000, EveryQuiet = 800_000_000; // ns
    private const ulong Share = 200; // of a processor, one in so many parts, for counters and for pages

    private ProcessMemory? _memory;
    private MemoryEntry _counters, _found;
    private ulong _pause = Every, _pagesDueNs, _tookCounters, _tookPages; // ns
    private bool _isThere;

    /// <summary>CLOCK_MONOTONIC of the next look, in ns; 0: at once.</summary>
    public ulong DueNs { get; private set; }

    /// <summary>Bytes of its file.</summary>
    public long Bytes => log.Bytes;

    /// <summary>Looks how much memory there is.</summary>
    public void Look()
    {
        ulong before = Libc.ThreadTimeNs, peak = _found.PeakResident;
        _memory ??= ProcessMemory.Open(process);
        _isThere = _memory is not null && _memory.TryRead(out _found);
        if (!_isThere)
            return;
        bool isQuiet = (_counters with { MonoNs = _found.MonoNs }).Equals(_found);
        _pause = isQuiet ? Math.Min(2 * _pause, EveryQuiet) : Every;
        _counters = _found;
        _found.PeakResident = Math.Max(_found.PeakResident, peak); // pages that were counted may have been more than the counters ever told
        ulong read = Libc.ThreadTimeNs;
        (_tookCounters, _tookPages) = (read - before, 0);
        if (_found.MonoNs < _pagesDueNs)
            return;
        _isThere = _memory!.TryCount(ref _found);
        _tookPages = Libc.ThreadTimeNs - read;
    }

    /// <summary>Writes what was found, and says when to look again.</summary>
    /// <param name="images">How many are looked at.</param>
    /// <returns>False where there is nothing to be found any more, or it cannot be written.</returns>
    public bool Write(int images)
    {
        if (!_isThere)
            return false;
        try
        {
            log.Append(_found);
        }
        catch (Exception e) when (e is IOException or TraceNotWritableException)
        {
            return false; // the events that follow will fail too, and say why
        }
        DueNs = _found.MonoNs + Math.Max(_pause, _tookCounters * Share * (ulong)images);
        if (_tookPages > 0)
            _pagesDueNs = _found.MonoNs + _tookPages * Share * (ulong)images;
        return true;
    }

    public void Dispose()
    {
        _memory?.Dispose();
        log.Dispose();
    }
}
