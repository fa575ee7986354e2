using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Scratch;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Replayer;

/// <summary>What had ended before a call began, by hand-made moments: at their edges one nanosecond decides.</summary>
public sealed class RealTimeOrderTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(1592, 0, "")]  // it has not ended by then
    [InlineData(1600, 1, "")]  // it has just ended, but not before the other began
    [InlineData(1608, 1, "1")] // it had ended
    public void A_call_is_over_as_soon_as_the_order_has_come_to_its_end(long secondNs, long over, string waitsFor)
    {
        var writer = new RecordingWriter(_directory.Path) { Latency = true };
        writer.Thread(1).Event(800, CallKind.Free, duration: 100); // until 1600
        writer.Thread(0).Event(secondNs, CallKind.Free);
        writer.Save();
        using var spill = new Spill(_directory.Path);
        CallOrder order = CallOrder.Create(ReplayOrder.Exact, 2, hasLatency: true, spill);
        var sink = new Waits(order);
        using TraceReader reader = TraceReader.Open(_directory.Path);
        reader.ForEach([sink], token: TestContext.Current.CancellationToken);
        Assert.Equal((over, waitsFor), (order.Unreduced, sink.OfLast));
    }

    /// <summary>Threads that come and go, so that some are still while others make many calls.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(1000)]
    public void What_is_given_up_nobody_asks_for(int callsBetweenTrims)
    {
        const int seed = 20261126, threads = 6, events = 20_000;
        var random = new Random(seed);
        using var spill = new Spill(_directory.Path);
        var kept = new RealTimeOrder(threads, hasLatency: false, spill, int.MaxValue);
        var trimmed = new RealTimeOrder(threads, hasLatency: false, spill, callsBetweenTrims, lateNs: 20);
        long now = 1000;
        int waits = 0;
        int[] last = new int[threads];
        for (int i = 0; i < events; i++)
        {
            // Two threads are busy for a while; a third has its say now and then, after long silence.
            int thread = random.Next(40) == 0 ? random.Next(threads) : (i / 500 + random.Next(2)) % threads;
            now += random.Next(4);
            long stamp = Math.Max(last[thread], now - random.Next(20)); // some come late
            last[thread] = (int)stamp;
            var call = new TraceCall
            {
                Event = new TraceEvent { Kind = random.Next(2) == 0 ? CallKind.Free : CallKind.Malloc, Thread = thread, TimeNs = stamp },
            };
            Predecessor[] expected = Step(kept, call, i), found = Step(trimmed, call, i);
            Assert.True(expected.SequenceEqual(found), $"seed {seed}, event {i}: {string.Join(' ', found)} instead of {string.Join(' ', expected)}");
            waits += found.Length;
        }
        Assert.InRange(waits, events / 10, int.MaxValue);
        Assert.Equal(kept.Unreduced, trimmed.Unreduced);
        Assert.True(callsBetweenTrims > 100 || trimmed.CallsKept < kept.CallsKept / 10, $"{trimmed.CallsKept} of {kept.CallsKept} calls are kept");
    }

    private static Predecessor[] Step(CallOrder order, in TraceCall call, long position)
    {
        order.Observe(call.Thread, call.TimeNs);
        long begin = order.BeginOf(call);
        Predecessor[] before = order.Before(call.Thread, begin).ToArray();
        order.Add(call, begin, position);
        order.Pass(call.Thread, call.TimeNs);
        return before;
    }

    /// <summary>Asks the order as a plan does.</summary>
    private sealed class Waits(CallOrder order) : ITraceSink
    {
        private readonly long[] _positions = new long[2];

        /// <summary>The threads that the last call waits for.</summary>
        public string OfLast { get; private set; } = "";

        public void Begin(in TraceEvent begin)
        {
            order.Observe(begin.Thread, begin.TimeNs);
            order.Pass(begin.Thread, begin.TimeNs);
        }

        public void Add(in TraceCall call)
        {
            order.Observe(call.Thread, call.TimeNs);
            long begin = order.BeginOf(call);
            OfLast = string.Join(' ', order.Before(call.Thread, begin).ToArray().Select(p => p.Thread));
            order.Add(call, begin, _positions[call.Thread]++);
            order.Pass(call.Thread, call.TimeNs);
        }

        public void Add(in ThreadEvent e)
        {
        }
    }
}
