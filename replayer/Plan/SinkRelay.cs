using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using AllocReplay.Formats.Calls;

namespace AllocReplay.Replayer.Plan;

/// <summary>
/// Hands what a trace is read to on to a sink that works on another thread: one reads and merges, the other compiles.
/// </summary>
/// <remarks>
/// <para>Batches go round: the reader fills one, the other empties it, and gives it back. Either waits for the other where there is none for it,
/// so there are never more than <see cref="Batches"/>. A batch belongs to one of the two at any time, and the collections that it goes through
/// order what they write.</para>
/// <para>A sink that fails takes nothing more, but its thread goes on giving batches back until the end: so the reader never waits in vain. It is
/// told at the next batch, or at the end.</para>
/// </remarks>
internal sealed class SinkRelay : ITraceSink, IDisposable
{
    private const int Batches = 8;
    private const int BatchSize = 512; // of some 160 bytes each: a few of them fit in a processor's cache

    private readonly ITraceSink _sink;
    private readonly BlockingCollection<Batch> _full = [], _empty = [];
    private readonly Thread _thread;
    private volatile ExceptionDispatchInfo? _failure;
    private Batch _filling = new();

    public SinkRelay(ITraceSink sink)
    {
        _sink = sink;
        for (int i = 1; i < Batches; i++)
            _empty.Add(new Batch());
        _thread = new Thread(Work) { IsBackground = true, Name = "compiler" };
        _thread.Start();
    }

    private enum Item : byte
    {
        Call,
        Begin,
        Thread,
    }

    /// <inheritdoc/>
    public void Begin(in TraceEvent begin)
    {
        _filling.Begins.Add(begin);
        Added(Item.Begin);
    }

    /// <inheritdoc/>
    public void Add(in TraceCall call)
    {
        _filling.Calls[_filling.CallCount++] = call;
        Added(Item.Call);
    }

    /// <inheritdoc/>
    public void Add(in ThreadEvent e)
    {
        _filling.ThreadEvents.Add(e);
        Added(Item.Thread);
    }

    /// <summary>Waits until the sink has taken everything.</summary>
    /// <exception cref="Exception">What the sink threw.</exception>
    public void Complete()
    {
        _full.Add(_filling);
        _full.CompleteAdding();
        _thread.Join();
        _failure?.Throw();
    }

    /// <summary>Ends the other thread, if need be before everything has been taken.</summary>
    public void Dispose()
    {
        _full.CompleteAdding();
        _thread.Join();
        _full.Dispose();
        _empty.Dispose();
    }

    private void Added(Item item)
    {
        _filling.Items[_filling.Count++] = item;
        if (_filling.Count < BatchSize)
            return;
        _failure?.Throw();
        _full.Add(_filling);
        _filling = _empty.Take();
    }

    private void Work()
    {
        foreach (Batch batch in _full.GetConsumingEnumerable())
        {
            try
            {
                if (_failure is null)
                    batch.Tell(_sink);
            }
            catch (Exception e)
            {
                _failure = ExceptionDispatchInfo.Capture(e);
            }
            batch.Clear();
            _empty.Add(batch);
        }
    }

    private sealed class Batch
    {
        public readonly Item[] Items = new Item[BatchSize];
        public readonly TraceCall[] Calls = new TraceCall[BatchSize];
        public readonly List<TraceEvent> Begins = [];
        public readonly List<ThreadEvent> ThreadEvents = [];
        public int Count, CallCount;

        public void Tell(ITraceSink sink)
        {
            int call = 0, begin = 0, thread = 0;
            foreach (Item item in Items.AsSpan(0, Count))
            {
                if (item == Item.Call)
                    sink.Add(Calls[call++]);
                else if (item == Item.Begin)
                    sink.Begin(Begins[begin++]);
                else
                    sink.Add(ThreadEvents[thread++]);
            }
        }

        public void Clear()
        {
            Begins.Clear();
            ThreadEvents.Clear();
            Count = CallCount = 0;
        }
    }
}
