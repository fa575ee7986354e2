using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace AllocReplay.Formats.Calls;

/// <summary>
/// Hands what is read of a trace on to sinks that work on another thread: one reads and merges, the other counts, matches or compiles.
/// </summary>
/// <remarks>
/// <para>Batches go round: the reader fills one, the other empties it, and gives it back. Either waits for the other where there is none for it,
/// so there are never more than <see cref="Batches"/>. A batch belongs to one of the two at any time, and the collections that it goes through
/// order what they write.</para>
/// <para>Once a sink has failed none takes anything more, but their thread goes on giving batches back until the end: so the reader never waits in vain.
/// It is told at the next batch, or at the end.</para>
/// </remarks>
internal sealed class SinkRelay : IDisposable
{
    private const int Batches = 8;
    private const int BatchSize = 1024; // of some 180 bytes each: a few of them fit in a processor's cache

    private readonly ITraceSink[] _sinks;
    private readonly BlockingCollection<Batch> _full = [], _empty = [];
    private readonly Thread _thread;
    private volatile ExceptionDispatchInfo? _failure;
    private Batch _filling = new();

    /// <param name="sinks">Told of every event.</param>
    public SinkRelay(IReadOnlyList<ITraceSink> sinks)
    {
        _sinks = [.. sinks];
        for (int i = 1; i < Batches; i++)
            _empty.Add(new Batch());
        _thread = new Thread(Work) { IsBackground = true, Name = "sinks" };
        _thread.Start();
    }

    /// <summary>Where the next event is to be written: it is told of when <see cref="Added"/> is called, and not before.</summary>
    public ref TraceCall Next => ref _filling.Calls[_filling.Count];

    /// <summary>The next event is there.</summary>
    /// <exception cref="Exception">What a sink threw.</exception>
    public void Added()
    {
        if (++_filling.Count < BatchSize)
            return;
        _failure?.Throw();
        _full.Add(_filling);
        _filling = _empty.Take();
    }

    /// <summary>Waits until the sinks have taken everything.</summary>
    /// <exception cref="Exception">What one of them threw.</exception>
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

    private void Work()
    {
        foreach (Batch batch in _full.GetConsumingEnumerable())
        {
            try
            {
                if (_failure is null)
                    foreach (ITraceSink sink in _sinks)
                        batch.Tell(sink);
            }
            catch (Exception e)
            {
                _failure = ExceptionDispatchInfo.Capture(e);
            }
            batch.Count = 0;
            _empty.Add(batch);
        }
    }

    private sealed class Batch
    {
        public readonly TraceCall[] Calls = new TraceCall[BatchSize];
        public int Count;

        public void Tell(ITraceSink sink)
        {
            foreach (ref readonly TraceCall call in Calls.AsSpan(0, Count))
                SinkCalls.Tell(sink, call);
        }
    }
}
