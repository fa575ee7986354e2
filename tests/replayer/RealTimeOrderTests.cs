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
