using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Recording;
using CsCheck;

namespace AllocReplay.Tests.Support;

/// <summary>
/// Random recordings in segments: threads that begin and end, reallocations that lie around each other, blocks that change hands, clocks that differ,
/// lost calls, intervals, chunks that are not whole.
/// </summary>
internal sealed class RandomKept
{
    private const int Threads = 4;

    private readonly RecordingWriter _writer = new() { Latency = true, Stacks = true };
    private readonly List<byte[]> _chunks = []; // in the order in which they were flushed
    private readonly List<int> _segmentEnds = [];
    private readonly List<ulong> _live = [];
    private readonly Dictionary<int, bool> _begun = []; // reallocations, by thread, and whether they fail
    private readonly HashSet<int> _started = [], _ended = [];
    private readonly Dictionary<int, long> _clocks = [];
    private readonly int[] _skew = new int[Threads];
    private ulong _nextAddress = 0x1000_0000;
    private readonly Stack<ulong> _free = new();
    private uint _interval = 1;
    private long _ns = 960;

    /// <summary>What happens, to which thread, to which of the blocks, how big.</summary>
    public readonly record struct Step(int What, int Thread, int Which, int Size);

    public static Gen<Step[]> Traces { get; } = Gen.Select(Gen.Int[0, 99], Gen.Int[0, Threads - 1], Gen.Int[0, 1000], Gen.Int[0, 5000])
        .Select(t => new Step(t.Item1, t.Item2, t.Item3, t.Item4)).Array[5, 45];

    /// <summary>One trace of some length, always the same.</summary>
    public static Step[] Fixed(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, 150).Select(_ => new Step(random.Next(100), random.Next(Threads), random.Next(1000), random.Next(5000)))];
    }

    public static RandomKept Write(Step[] steps)
    {
        var trace = new RandomKept();
        // No two threads have events of one time: their order is not ours to say.
        for (int i = 0; i < Threads; i++)
            trace._skew[i] = (i + steps[i % steps.Length].Size % 5 * Threads) * 8;
        trace._writer.Mark(MarkEntry.Start, 1, 0);
        foreach (Step step in steps)
            trace.Take(step);
        return trace;
    }

    /// <summary>Writes the directory of its process image.</summary>
    public void Save(string directory)
    {
        Directory.CreateDirectory(directory);
        foreach ((string name, byte[] bytes) in _writer.Files())
            if (name != Wire.EventsFile)
                File.WriteAllBytes(Path.Combine(directory, name), bytes);
        int first = 0;
        foreach ((int segment, int end) in _segmentEnds.Append(_chunks.Count).Index())
        {
            File.WriteAllBytes(Path.Combine(directory, EventFiles.NameOf(segment)), [.. _chunks[first..end].SelectMany(c => c)]);
            first = end;
        }
    }

    private void Take(Step step)
    {
        int thread = step.Thread;
        if (_ended.Contains(thread))
            return;
        if (_started.Add(thread))
        {
            if (thread > 0 && _started.Contains(0) && !_ended.Contains(0) && !_begun.ContainsKey(0))
                Emit(0, CallKind.ThreadCreate, otherThread: thread);
            Emit(thread, CallKind.ThreadStart, otherThread: thread > 0 ? 0 : -1);
        }
        if (step.What < 8)
        {
            Flush(thread, step.What < 4);
        }
        else if (_begun.TryGetValue(thread, out bool fails))
        {
            _begun.Remove(thread);
            ulong address = fails ? 0 : Address();
            Emit(thread, CallKind.ReallocEnd, address, stack: step.Which % 7);
            if (address != 0)
                _live.Add(address);
        }
        else
        {
            Call(step, thread);
        }
    }

    private void Call(Step step, int thread)
    {
        ulong size = (ulong)step.Size, block = _live.Count > 0 ? _live[step.Which % _live.Count] : 0;
        switch (step.What)
        {
            case < 45:
                _live.Add(Address());
                CallKind[] kinds = [CallKind.Malloc, CallKind.Malloc, CallKind.Calloc, CallKind.PosixMemalign, CallKind.New];
                Emit(thread, kinds[step.Which % kinds.Length], _live[^1], size, count: 1 + (ulong)step.Which % 3, alignment: 16, stack: step.Which % 9);
                break;
            case < 70 when block != 0:
                Emit(thread, CallKind.Free, block);
                Gone(block);
                break;
            case < 84:
                bool fails = step.Which % 4 == 0;
                Emit(thread, CallKind.ReallocBegin, block, fails && step.Which % 8 == 0 ? 0 : size + 1);
                _begun.Add(thread, fails);
                if (block != 0 && !(fails && step.Which % 8 != 0))
                    Gone(block);
                else
                    _live.Remove(block);
                break;
            case < 88:
                Emit(thread, CallKind.Free, step.Which % 2 == 0 ? 0ul : 0x7000_0000 + (ulong)step.Which * 16);
                break;
            case < 92:
                Emit(thread, CallKind.Gap, count: size);
                break;
            case < 94 when _begun.Count == 0:
                StopAndStart();
                break;
            case < 96 when thread > 0:
                Emit(thread, CallKind.ThreadExit);
                _ended.Add(thread);
                break;
            default:
                Emit(thread, CallKind.Malloc, 0, ulong.MaxValue - size);
                break;
        }
    }

    private void Gone(ulong block)
    {
        _live.Remove(block);
        _free.Push(block);
    }

    private ulong Address() => _free.TryPop(out ulong address) ? address : _nextAddress += 64;

    /// <summary>Later than all before it, but for what its thread's clock differs; never earlier than its thread's last.</summary>
    private void Emit(int thread, CallKind kind, ulong address = 0, ulong size = 0, ulong count = 1, ulong alignment = 0, int otherThread = -1, int stack = 0)
    {
        _ns += 8 * Threads;
        long ns = Math.Max(_ns - _skew[thread], _clocks.GetValueOrDefault(thread));
        _clocks[thread] = ns;
        _writer.Thread(thread).Event(ns, kind, address, size, count, alignment, otherThread, (ulong)(ns / 8 % 3), stack);
    }

    private void StopAndStart()
    {
        _writer.Mark(MarkEntry.Stop, _interval, _ns += 320);
        foreach (int thread in _started)
            Flush(thread, endsSegment: false);
        _writer.Mark(MarkEntry.Start, ++_interval, _ns += 1_600_000); // longer than a merge waits for what is missing
        // What was live may be gone, and its address another's.
        if (_live.Count > 0 && _interval % 2 == 0)
        {
            _free.Push(_live[0]);
            _live.RemoveAt(0);
        }
        for (int thread = 0; thread < Threads; thread++)
            _writer.Thread(thread).Interval(_interval);
    }

    private void Flush(int thread, bool endsSegment)
    {
        RecordingWriter.ThreadWriter writer = _writer.Thread(thread);
        if (writer.Tail().Length > ChunkWalk.HeaderSize)
        {
            writer.Flush();
            _chunks.Add(writer.Flushed[^1]);
        }
        if (endsSegment)
            _segmentEnds.Add(_chunks.Count);
    }
}
