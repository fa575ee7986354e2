using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Recording;
using AllocReplay.Formats.Stacks;

namespace AllocReplay.Formats;

/// <summary>
/// Reads one process image of a recording while it is recorded: the events that <see cref="TraceReader"/> would read of it when it has ended, in the same
/// order, as far as they are final. <see cref="Look"/> finds what has come; <see cref="Read"/> and <see cref="ForEach"/> go up to the <see cref="HorizonNs"/>.
/// </summary>
/// <remarks>
/// <para>It reads files, and asks nothing of the recorded program or its recorder: neither notices. Up to which moment events are final, and why, is said
/// in docs/design/recorder.md. Memory: one entry per live block, one chunk of events per thread, and of what was found and not read yet some 50 bytes a
/// chunk.</para>
/// <para>It does not know whether somebody still writes the files: <see cref="Finish"/> tells it. For one thread at a time, but <see cref="ReadFrames"/>.
/// </para>
/// </remarks>
public sealed class TraceFollower : IDisposable
{
    /// <summary>Calls between two questions whether to go on.</summary>
    private const int AskEvery = 1 << 12;

    private readonly GrowingRecording _recording;
    private readonly FollowedWindow? _window;

    private TraceFollower(GrowingRecording recording, string path, string image, TraceRange? range) =>
        (_recording, Path, Image, _window) = (recording, path, image, range is null ? null : new FollowedWindow(range));

    /// <summary>The process image's directory.</summary>
    public string Path { get; }

    /// <summary>Name of the process image.</summary>
    public string Image { get; }

    /// <summary>The process image; its state and what was lost are as of the last look.</summary>
    public ProcessInfo Process => _recording.Info;

    /// <summary>Whether it was recording at the last look; else it was stopped.</summary>
    public bool IsRecording => _recording.IsRecording;

    /// <summary>Its threads, by index: in the order in which they were met, which may be another than in the finished trace.</summary>
    public IReadOnlyList<ThreadInfo> Threads => [.. _recording.Threads.Select(t => t.ToInfo())];

    /// <summary>The intervals that were begun so far, in order.</summary>
    public IReadOnlyList<Interval> Intervals => _recording.Intervals;

    /// <summary>What is there of a part of the recording that was gone when it was opened; null where it is there from its beginning.</summary>
    public CarriedPart? Carried => _recording.Carried;

    /// <summary>Marks that were left so far, in order of time.</summary>
    public IReadOnlyList<Marker> Markers => _recording.Markers;

    /// <summary>How much memory the process had when that was last looked at; null where it was not. Read anew each time.</summary>
    /// <exception cref="TraceFormatException">It cannot be read.</exception>
    public MemorySample? ReadMemory() => _recording.ReadLatestMemory();

    /// <summary>
    /// No event before it is to come, nanoseconds since the start of the recording; but one that its thread was kept from publishing. 0 before it is known,
    /// <see cref="long.MaxValue"/> after <see cref="Finish"/>.
    /// </summary>
    public long HorizonNs => _recording.IsFinished ? long.MaxValue : _recording.Horizon == 0 ? 0 : _recording.Clock.ToNs(_recording.Horizon);

    /// <summary>Time of the latest event that was read, nanoseconds since the start of the recording; 0 before the first.</summary>
    public long TimeNs { get; private set; }

    /// <summary>Events read, those before its range included.</summary>
    public long Events { get; private set; }

    /// <summary>Whether all was read that is final: <see cref="Read"/> has returned false since the last look.</summary>
    public bool IsCaughtUp { get; private set; }

    /// <summary>
    /// Whether the recording has let go of events (<c>record --keep</c>) before they were found here, as of the last <see cref="Look"/>: nothing more is found
    /// then, and another follower has to begin with what is there now.
    /// </summary>
    public bool IsOvertaken { get; private set; }

    /// <summary>The part that is read, or null for all. A mark that bounds it may be yet to come.</summary>
    public TraceRange? Range => _window?.Range;

    /// <summary>Whether no event of <see cref="Range"/> is to come.</summary>
    public bool IsPastRange => _window is { IsPast: true };

    /// <summary>Bytes of events that are in the files and were not read yet, those beyond the horizon included.</summary>
    public long BytesPending => _recording.BytesPending;

    /// <summary>Bytes of events that were read.</summary>
    public long BytesRead => _recording.Merge.BytesRead;

    /// <summary>The first damage met so far, or null.</summary>
    public TraceFormatException? Damage => _recording.Damage;

    /// <summary>What the merge did so far.</summary>
    public MergeStatistics Merge => _recording.Merge.Statistics;

    /// <summary>Opens a process image, at the beginning. Nothing is found before the first <see cref="Look"/>.</summary>
    /// <param name="directory">Directory of the process image: <see cref="ProcessImage.Path"/> of a recording.</param>
    /// <param name="range">The part to read, or null for all.</param>
    /// <exception cref="TraceFormatException">It is none, cannot be read, or its head is damaged. Damage further on is met by reading.</exception>
    public static TraceFollower Open(string directory, TraceRange? range = null)
    {
        try
        {
            return Open(ByteFolder.OfDirectory(directory), range);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TraceFormatException(directory, null, e.Message);
        }
    }

    internal static TraceFollower Open(ByteFolder directory, TraceRange? range = null) => new(GrowingRecording.Open(directory), directory.Path,
        System.IO.Path.GetFileName(System.IO.Path.GetFullPath(directory.Path).TrimEnd('/')), range);

    /// <summary>Finds what has come since the last time: events, threads, intervals, marks.</summary>
    /// <exception cref="TraceFormatException">A file cannot be opened.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public void Look()
    {
        _recording.Look(isLast: false);
        IsOvertaken = _recording.Files.IsOvertaken;
        _window?.Update(Intervals, Markers);
        IsCaughtUp = false;
    }

    /// <summary>
    /// Looks a last time, when nobody writes the files any more: all that is in them is final, and what is missing is <see cref="Damage"/>.
    /// </summary>
    /// <exception cref="TraceFormatException">A file cannot be opened.</exception>
    /// <exception cref="TracePartException">The interval or a mark of <see cref="Range"/> has not come, and will not.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public void Finish()
    {
        _recording.Look(isLast: true);
        _ = Range?.Resolve(Path, Intervals, Markers);
        _window?.Update(Intervals, Markers);
        IsCaughtUp = false;
    }

    /// <summary>Reads the next event in merged order.</summary>
    /// <param name="e">The event; of no meaning when there is none.</param>
    /// <returns>False where no further event is final yet; after <see cref="Finish"/>, at the end; behind the <see cref="Range"/>.</returns>
    /// <exception cref="IOException">The disk failed. Damage of the recording is not thrown.</exception>
    public bool Read(out TraceEvent e)
    {
        e = default;
        while (!IsPastRange && _recording.Merge.Read(out e))
        {
            Events++;
            TimeNs = e.TimeNs;
            if (_window is null || _window.Has(e))
                return true;
        }
        IsCaughtUp = true;
        if (_recording.IsFinished && !IsPastRange)
            _recording.End();
        _window?.Reached(HorizonNs);
        return false;
    }

    /// <summary>Numbers the threads of an event as <see cref="TraceReader"/> does when the recording has ended, where all threads have events.</summary>
    public void NumberThreads(ref TraceEvent e)
    {
        e.Thread = (int)_recording.Threads[e.Thread].RecordedIndex;
        if (e.OtherThread >= 0)
            e.OtherThread = (int)_recording.Threads[e.OtherThread].RecordedIndex;
    }

    /// <summary>Reads what is final.</summary>
    /// <param name="sinks">Told of every call and thread event in merged order, one sink after the other.</param>
    /// <param name="goesOn">Asked every few thousand events.</param>
    /// <returns>Whether all was read; else it was told not to go on.</returns>
    /// <exception cref="IOException">The disk failed. Damage of the recording is not thrown.</exception>
    public bool ForEach(IReadOnlyList<ITraceSink> sinks, Func<bool> goesOn)
    {
        ITraceSink[] all = [.. sinks];
        var call = default(TraceCall);
        for (int events = 1; Read(out call.Event); events++)
        {
            if (call.IsReallocation)
                call.Begin = _recording.Merge.Reallocation;
            foreach (ITraceSink sink in all)
                SinkCalls.Tell(sink, call);
            if (events % AskEvery == 0 && !goesOn())
                return false;
        }
        return true;
    }

    /// <summary>The stacks of the calls, as far as they are written: read anew each time. May be called on another thread.</summary>
    /// <exception cref="TraceFormatException">They cannot be read.</exception>
    public FrameTable ReadFrames() => _recording.ReadFrames();

    /// <summary>Closes the files.</summary>
    public void Dispose() => _recording.Dispose();
}
