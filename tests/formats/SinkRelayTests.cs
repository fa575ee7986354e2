using AllocReplay.Formats.Calls;

namespace AllocReplay.Tests.Formats;

/// <summary>What one thread reads, another takes.</summary>
public sealed class SinkRelayTests
{
    private const int Events = 100_000; // many times what is under way at once

    [Fact]
    public void Everything_arrives_in_its_order()
    {
        var sink = new Log(failAt: -1);
        using (var relay = new SinkRelay([sink]))
        {
            Feed(relay);
            relay.Complete();
        }
        Assert.Equal(Enumerable.Range(0, Events).Select(i => (long)i), sink.Times);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(Events / 2)]
    [InlineData(Events - 1)]
    public void A_sink_that_fails_ends_the_reading(int failAt)
    {
        var sink = new Log(failAt);
        using var relay = new SinkRelay([sink]);
        var e = Assert.Throws<InvalidOperationException>(() =>
        {
            Feed(relay);
            relay.Complete();
        });
        Assert.Equal("planted", e.Message);
        Assert.Equal(failAt, sink.Times.Count);
    }

    [Fact]
    public void A_reader_that_fails_leaves_no_thread()
    {
        var relay = new SinkRelay([new Log(failAt: -1)]);
        relay.Added();
        relay.Dispose(); // joins it
    }

    private static void Feed(SinkRelay relay)
    {
        for (int i = 0; i < Events; i++)
        {
            CallKind kind = (i % 10) switch { 3 => CallKind.ReallocBegin, 7 => CallKind.ThreadExit, _ => CallKind.Malloc };
            relay.Next.Event = new TraceEvent { Kind = kind, TimeNs = i };
            relay.Added();
        }
    }

    private sealed class Log(int failAt) : ITraceSink
    {
        public List<long> Times { get; } = [];

        public void Begin(in TraceEvent begin) => Take(begin.TimeNs);

        public void Add(in TraceCall call) => Take(call.TimeNs);

        public void Add(in ThreadEvent e) => Take(e.TimeNs);

        private void Take(long ns)
        {
            if (ns == failAt)
                throw new InvalidOperationException("planted");
            Times.Add(ns);
        }
    }
}
