using AllocReplay.Formats.Merge;

namespace AllocReplay.Formats.Packed;

/// <summary>What packing wrote.</summary>
/// <param name="Images">Number of process images, at least 1.</param>
/// <param name="Events">Events of all images.</param>
/// <param name="Bytes">Size of the file in bytes.</param>
/// <param name="Damage">The first damage of the recording, when <see cref="TracePacker.Pack"/> was told to go on; else null.</param>
public sealed record PackResult(int Images, long Events, long Bytes, TraceFormatException? Damage);

/// <summary>Packs recordings: one file, a third to two thirds of the size, checksummed, with an index.</summary>
public static class TracePacker
{
    /// <summary>A reader holds a block of each thread: together they hold about so many events.</summary>
    private const int EventsHeld = 1 << 21;

    private const int BlockEventsMin = 1 << 11;

    /// <summary>Events that a block of a trace of so many threads may have.</summary>
    internal static int EventsPerBlock(int threads) => Math.Clamp(EventsHeld / Math.Max(1, threads), BlockEventsMin, PackedWire.BlockEventsMax);

    /// <summary>
    /// Packs a recording into one file. The file appears under its name only when it is whole. A recording that is still being
    /// written is packed as far as it was published.
    /// </summary>
    /// <param name="recording">A session's recording directory, one process image's directory inside it, or a packed trace, which is packed anew.</param>
    /// <param name="path">The file to write.</param>
    /// <param name="partial">Go on with what is readable of a damaged recording. The pack then says so whenever it is read.</param>
    /// <param name="replace">Whether a file of that name is replaced, also one that appears meanwhile.</param>
    /// <param name="progress">Told the share that is done, from 0 to 1.</param>
    /// <param name="cancellation">Ends it early; nothing is left behind.</param>
    /// <returns>What was written.</returns>
    /// <exception cref="TraceFormatException">The recording is missing.</exception>
    /// <exception cref="TraceDamagedException">It is damaged, and <paramref name="partial"/> is not given.</exception>
    /// <exception cref="TraceNotWritableException">The file cannot be written, or is there and not to be replaced.</exception>
    /// <exception cref="IOException">The recording cannot be read.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static PackResult Pack(string recording, string path, bool partial = false, bool replace = true, IProgress<double>? progress = null,
        CancellationToken cancellation = default)
    {
        using Trace trace = Trace.Open(recording);
        long total = Math.Max(1, trace.Images.Sum(i => i.EventBytes));
        using var writer = new PackWriter(path, replace);
        if (trace.Session is not null)
            writer.WriteSession(trace.Session);
        long events = 0, doneBytes = 0;
        TraceFormatException? damage = null;
        foreach (ProcessImage image in trace.Images)
        {
            using TraceReader reader = trace.OpenImage(image.Name);
            var copy = new ImageCopy(writer, reader, partial, cancellation);
            copy.Run(bytes => progress?.Report(Math.Min(1, (doneBytes + bytes) / (double)total)));
            doneBytes += reader.EventBytes;
            events += copy.Events;
            damage ??= copy.Damage;
        }
        writer.Complete();
        return new PackResult(trace.ImageCount, events, new FileInfo(path).Length, damage);
    }

    /// <summary>Packs the image that a reader reads, without the session, into a stream, which is left open.</summary>
    /// <param name="reader">Of the image, from its beginning.</param>
    /// <param name="file">Written to from its position.</param>
    /// <param name="partial">As for <see cref="Pack"/>.</param>
    /// <param name="blockEvents">Events of a block, at most; null for as many as <see cref="Pack"/> takes.</param>
    internal static PackResult PackImage(TraceReader reader, Stream file, bool partial = false, int? blockEvents = null)
    {
        long before = file.Position;
        using var writer = new PackWriter(file);
        var copy = new ImageCopy(writer, reader, partial, CancellationToken.None) { BlockEvents = blockEvents };
        copy.Run(_ => { });
        writer.Complete();
        return new PackResult(1, copy.Events, file.Position - before, copy.Damage);
    }

    /// <summary>Copies the streams of one image, blocks in order of their first events: what a cut-off pack still has is its beginning.</summary>
    private sealed class ImageCopy(PackWriter writer, TraceReader reader, bool partial, CancellationToken cancellation)
    {
        private readonly ITraceSource _source = reader.Source;
        private readonly PriorityQueue<Feed, ulong> _feeds = new();
        private long _bytes;

        public long Events { get; private set; }

        public TraceFormatException? Damage { get; private set; }

        public int? BlockEvents { get; init; }

        /// <param name="report">Told the bytes that were read.</param>
        public void Run(Action<long> report)
        {
            Note(_source.Damage);
            uint image = writer.WriteImage(new ImageMetadata
            {
                Name = reader.Image,
                Process = _source.Info,
                Clock = _source.Clock.Rate,
                Threads = [.. _source.Threads],
                Intervals = [.. _source.Intervals],
                Markers = [.. _source.Markers],
                Maps = _source.Maps,
                Carried = _source.Carried,
            });
            int capacity = BlockEvents ?? EventsPerBlock(_source.Threads.Count);
            foreach (StreamInfo thread in _source.Threads)
                if (_source.OpenCarried(thread.Index) is { } carried)
                    Advance(new Feed(thread.Index, carried), enqueue: true);
            Copy(image, capacity, report);
            foreach (StreamInfo thread in _source.Threads)
                Advance(new Feed(thread.Index, _source.OpenCursor(thread.Index)), enqueue: true);
            Copy(image, capacity, report);
            writer.WriteMemory(image, _source.MemorySamples);
            try
            {
                if (_source.Frames.Count > 0)
                    writer.WriteStacks(image, _source.Frames);
                if (_source.Symbols.Count > 0)
                    writer.WriteSymbols(image, _source.Symbols);
            }
            catch (TraceFormatException damage)
            {
                Note(damage);
            }
            writer.WriteImageEnd(image, new ImageEnd { Events = Events, Damage = Damage?.Message });
        }

        /// <summary>Writes what there is of the feeds, until they are all at their end.</summary>
        private void Copy(uint image, int capacity, Action<long> report)
        {
            while (_feeds.TryDequeue(out Feed? feed, out _))
            {
                cancellation.ThrowIfCancellationRequested();
                EventBlockWriter block = writer.NewBlock(_source.Info.OptionalFields);
                bool more;
                do
                {
                    block.Add(feed.Head);
                    more = Advance(feed, enqueue: false);
                }
                while (more && block.Events < capacity && feed.Head.Interval == block.Interval);
                Events += block.Events;
                writer.WriteBlock(image, feed.Thread, block);
                if (more)
                    _feeds.Enqueue(feed, feed.Head.Ticks);
                _bytes += feed.Cursor.BytesRead - feed.Counted;
                feed.Counted = feed.Cursor.BytesRead;
                report(_bytes);
            }
        }

        /// <summary>Reads a feed's next event. False at its end, where it is closed.</summary>
        private bool Advance(Feed feed, bool enqueue)
        {
            try
            {
                if (feed.Cursor.Read(out feed.Head))
                {
                    if (enqueue)
                        _feeds.Enqueue(feed, feed.Head.Ticks);
                    return true;
                }
            }
            catch (TraceFormatException damage)
            {
                Note(damage);
            }
            feed.Cursor.Dispose();
            return false;
        }

        private void Note(TraceFormatException? damage)
        {
            if (damage is not null && !partial)
                throw new TraceDamagedException(damage);
            Damage ??= damage;
        }
    }

    private sealed class Feed(int thread, IEventCursor cursor)
    {
        public RawEvent Head;
        public long Counted;
        public int Thread { get; } = thread;
        public IEventCursor Cursor { get; } = cursor;
    }
}
