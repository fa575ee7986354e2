using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Merge;

namespace AllocReplay.Formats.Import;

/// <summary>
/// The Android Open Source Project's memory_replay text: <c>TID: CALL POINTER ARGUMENTS [START_NS END_NS]</c>, one call a line, in
/// the order in which calls returned.
/// </summary>
/// <remarks>
/// Where lines have no times, their order is the time: line n is at n microseconds. In ticks of half a microsecond, so that a
/// reallocation ends before the next line. <c>thread_done</c> may have an end alone, or no time where the calls have one.
/// </remarks>
internal sealed class AndroidTrace
{
    private const ulong NsPerTick = 500;
    private const ulong TicksPerLine = 2;
    private const ulong OsTidMax = int.MaxValue;
    private const ulong TimeMax = long.MaxValue;

    private readonly LineReader _lines;
    private readonly ImportWriter _writer;
    private readonly Dictionary<uint, ImportThread?> _threads = []; // null once it ended
    private uint _lastTid;
    private ImportThread? _last;
    private bool? _timed;
    private ulong _first = ulong.MaxValue; // of all times
    private ulong _latest;

    private AndroidTrace(LineReader lines, ImportWriter writer) => (_lines, _writer) = (lines, writer);

    /// <summary>Reads a trace to its end.</summary>
    /// <returns>How many different thread ids it has; one that came back after its thread ended is two threads.</returns>
    /// <exception cref="TraceFormatException">A line is not one of the format.</exception>
    public static int Read(LineReader lines, ImportWriter writer)
    {
        var trace = new AndroidTrace(lines, writer);
        while (lines.Read(out ReadOnlySpan<byte> line))
            trace.Take(line);
        writer.Clock = trace._timed == true ? new(Math.Min(trace._first, trace._latest), 0, 1ul << 32) : new(0, 0, NsPerTick << 32);
        return trace._threads.Count;
    }

    private void Take(ReadOnlySpan<byte> line)
    {
        var words = new Words(_lines, line);
        ReadOnlySpan<byte> id = words.NextUntil((byte)':');
        if (id.IsEmpty)
            return;
        if (id[^1] != ':' || !Words.TryNumber(id[..^1].TrimStart((byte)' '), out ulong tid) || tid > OsTidMax)
            throw words.Expected("a line 'TID: CALL POINTER …'", line);
        ReadOnlySpan<byte> name = words.Next();
        var e = new RawEvent { Count = 1, OtherThread = -1 };
        ulong old = 0;
        switch (name.Length)
        {
            case 4 when name.SequenceEqual("free"u8):
                e.Kind = CallKind.Free;
                e.Address = words.Pointer("the freed pointer");
                break;
            case 6 when name.SequenceEqual("malloc"u8):
                e.Kind = CallKind.Malloc;
                e.Address = words.Pointer("the pointer that malloc returned");
                e.Size = words.Number("a size in bytes");
                break;
            case 6 when name.SequenceEqual("calloc"u8):
                e.Kind = CallKind.Calloc;
                e.Address = words.Pointer("the pointer that calloc returned");
                e.Count = words.Number("a number of elements");
                e.Size = words.Number("the size of an element in bytes");
                break;
            case 7 when name.SequenceEqual("realloc"u8):
                e.Kind = CallKind.ReallocEnd;
                e.Address = words.Pointer("the pointer that realloc returned");
                old = words.Pointer("the pointer that realloc was given");
                e.Size = words.Number("a size in bytes");
                break;
            case 8 when name.SequenceEqual("memalign"u8):
                e.Kind = CallKind.Memalign;
                e.Address = words.Pointer("the pointer that memalign returned");
                e.Alignment = words.Number("an alignment in bytes");
                e.Size = words.Number("a size in bytes");
                break;
            case 11 when name.SequenceEqual("thread_done"u8):
                EndThread((uint)tid, ref words);
                return;
            default:
                throw words.Expected("malloc, free, calloc, realloc, memalign or thread_done", name);
        }
        e.IsNull = e.Address == 0;
        Times(ref words, out ulong start, out ulong end);
        words.End("the call");
        ImportThread thread = ThreadOf((uint)tid, start);
        Add(thread, e, old, start, end);
    }

    /// <summary>In ticks. Without times, a reallocation alone takes any.</summary>
    private void Times(ref Words words, out ulong start, out ulong end)
    {
        ReadOnlySpan<byte> first = words.Next();
        bool timed = !first.IsEmpty;
        if (_timed is null)
            (_timed, _writer.Latency) = (timed, timed);
        if (_timed != timed)
            throw words.Expected(timed ? "no times, as on the first call" : "START_NS END_NS, as on the first call", first);
        if (!timed)
        {
            start = TicksPerLine * (ulong)_lines.Number;
            end = start + 1;
            return;
        }
        if (!Words.TryNumber(first, out start) || start > TimeMax)
            throw words.Expected("START_NS", first);
        end = words.Number("END_NS after START_NS", TimeMax);
        if (end < start)
            throw _lines.Bad($"expected END_NS at or after START_NS, {start}, found {end}");
        _first = Math.Min(_first, start);
        _latest = Math.Max(_latest, end);
    }

    /// <summary>A release is stamped when the call began, an acquisition when it returned, a reallocation both times.</summary>
    private void Add(ImportThread thread, RawEvent e, ulong old, ulong start, ulong end)
    {
        bool timed = _writer.Latency, released = CallKinds.IsDeallocation(e.Kind), reallocated = e.Kind == CallKind.ReallocEnd;
        ulong stamp = released || reallocated || !timed ? start : end;
        if (stamp < thread.Ticks)
            throw _lines.Bad($"expected a time at or after {thread.Ticks}, where the thread's call before was, found {stamp}");
        if (reallocated)
        {
            _writer.Add(thread, new RawEvent
            {
                Kind = CallKind.ReallocBegin,
                Ticks = start,
                Address = old,
                IsNull = old == 0,
                Size = e.Size,
                Count = 1,
                OtherThread = -1,
            });
            e.Size = 0; // the end carries an address alone
            stamp = end;
        }
        e.Ticks = stamp;
        e.Duration = timed ? end - start : 0;
        _writer.Add(thread, e);
    }

    private void EndThread(uint tid, ref Words words)
    {
        if (words.Pointer("0x0 after thread_done") != 0)
            throw _lines.Bad("expected 0x0 after thread_done, found another pointer");
        ReadOnlySpan<byte> time = words.Next();
        ulong ticks = _timed switch
        {
            false => TicksPerLine * (ulong)_lines.Number,
            true => _latest,
            null => 0, // before the first call: whatever the unit, that is the beginning
        };
        if (!time.IsEmpty)
        {
            if (_timed == false)
                throw words.Expected("no time, as on the first call", time);
            if (!Words.TryNumber(time, out ulong end) || end > TimeMax)
                throw words.Expected("END_NS", time);
            ticks = _timed is null ? 0 : end;
        }
        words.End("thread_done");
        ImportThread thread = ThreadOf(tid, ticks);
        if (ticks < thread.Ticks)
            throw _lines.Bad($"expected a time at or after {thread.Ticks}, where the thread's last call was, found {ticks}");
        _writer.Add(thread, new RawEvent { Kind = CallKind.ThreadExit, Ticks = ticks, Count = 1, OtherThread = -1 });
        _writer.End(thread);
        _threads[tid] = null;
        _last = null;
    }

    private ImportThread ThreadOf(uint tid, ulong ticks)
    {
        if (_last is not null && tid == _lastTid)
            return _last;
        if (!_threads.TryGetValue(tid, out ImportThread? thread) || thread is null)
        {
            thread = _writer.Begin(tid, ticks) ?? throw _lines.Bad($"expected at most {ImportWriter.ThreadsMax} threads, found another");
            _threads[tid] = thread;
        }
        (_lastTid, _last) = (tid, thread);
        return thread;
    }
}
