using System.Globalization;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Statistics;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Formats;

/// <summary>Every consumer of a trace is told the same: calls whole, beginnings of reallocations where they stand, progress that ends at 1.</summary>
public sealed class PumpTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void The_halves_of_a_reallocation_come_as_one_call_and_its_beginning_is_told_where_it_stands()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Event(0, CallKind.ThreadStart).Malloc(800, 0x1000, 8).Realloc(1600, 4800, 0x1000, 0x5000, 100);
        writer.Thread(1).Malloc(3200, 0x1000, 16).Free(5600, 0x5000);
        writer.Save();
        Assert.Equal(
            [
                "0 ThreadStart by 0",
                "800 Malloc by 0 from 800 to 800: takes 0",
                "1600 ReallocBegin by 0 of 0",
                "3200 Malloc by 1 from 3200 to 3200: takes 1",
                "4800 ReallocEnd by 0 from 1600 to 4800: 100 bytes, given 0 at 1000, takes 2 at 5000, gives back 0",
                "5600 Free by 1 from 5600 to 5600: given 2, gives back 2",
            ],
            Told());
    }

    [Fact]
    public void What_becomes_of_a_reallocation_that_returns_null_the_call_tells()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Malloc(800, 0x1000, 8)
            .Realloc(1600, 2400, 0x1000, 0, ulong.MaxValue)     // fails
            .Realloc(3200, 4000, 0x1000, 0, 0)                  // frees
            .Realloc(4800, 5600, 0, 0, 0)                       // fails, as there is nothing to free
            .Realloc(6400, 7200, 0, 0x2000, 8)                  // is a malloc
            .Event(8000, CallKind.ReallocEnd, 0x3000);          // its beginning is not there
        writer.Save();
        using TraceReader reader = TraceReader.Open(_directory.Path);
        TraceCall[] calls = [.. reader.ReadCalls().Skip(1)];
        Assert.Equal([0, -1, -1, -1, -1], calls.Select(c => c.Kept));
        Assert.Equal([false, true, false, false, false], calls.Select(c => c.Frees));
        Assert.Equal([-1, 0, -1, -1, -1], calls.Select(c => c.Released));
        Assert.Equal([false, false, true, true, false], calls.Select(c => c.IsOfNull));
        Assert.Equal([-1, -1, -1, 1, 2], calls.Select(c => c.Acquired));
        Assert.Equal([1600, 3200, 4800, 6400, 0], calls.Select(c => c.BeginNs));
        Assert.Equal([0x1000, 0x1000, 0, 0, 0], calls.Select(c => (long)c.PreviousAddress));
    }

    [Fact]
    public void A_latency_reaches_back_from_an_acquisition_and_on_from_a_release()
    {
        var writer = new RecordingWriter(_directory.Path) { Latency = true };
        writer.Thread(0).Event(8000, CallKind.Malloc, 0x1000, 8, duration: 100).Event(16_000, CallKind.Free, 0x1000, duration: 200);
        writer.Save();
        using TraceReader reader = TraceReader.Open(_directory.Path);
        Assert.Equal([(7200L, 8000L), (16_000, 17_600)], reader.ReadCalls().Select(c => (c.BeginNs, c.EndNs)));
    }

    [Fact]
    public void Progress_never_falls_and_ends_at_1_also_of_a_part_and_of_a_damaged_trace()
    {
        var writer = new RecordingWriter(_directory.Path);
        for (int i = 0; i < 140_000; i++)
        {
            writer.Thread(i % 2).Malloc(800 * (i + 1), 0x1000 + 16UL * (ulong)i, 16);
            if (i % 10_000 < 2)
                writer.Thread(i % 2).Flush();
        }
        writer.Thread(0).Bytes(0x03, 0x3f); // a kind that is none
        writer.Save();
        foreach (TraceRange? range in new[] { null, new TraceRange { FromNs = 56_000_000, ToNs = 80_000_000 } })
        {
            using TraceReader reader = TraceReader.Open(_directory.Path, range: range);
            var reports = new List<double>();
            reader.ForEach([], new Reports(reports), TestContext.Current.CancellationToken);
            Assert.Equal(range is null, reader.Damage is not null);
            Assert.Equal(reports.Order(), reports);
            Assert.Equal(1, reports[^1]);
            Assert.Equal(range is null ? 3 : 2, reports.Count);
        }
    }

    [Fact]
    public void Reading_ends_when_it_is_cancelled()
    {
        var writer = new RecordingWriter(_directory.Path);
        for (int i = 0; i < 70_000; i++)
            writer.Thread(0).Malloc(8 * (i + 1), 0x1000 + 16UL * (ulong)i, 16);
        writer.Save();
        using TraceReader reader = TraceReader.Open(_directory.Path);
        var statistics = new TraceStatistics();
        using var cancelled = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => reader.ForEach([statistics], new Cancels(cancelled), cancelled.Token));
        Assert.Equal(1 << 16, statistics.Events);
    }

    private List<string> Told()
    {
        var told = new Narrator();
        using TraceReader reader = TraceReader.Open(_directory.Path);
        reader.ForEach([told], token: TestContext.Current.CancellationToken);
        return told.Lines;
    }

    private sealed class Narrator : ITraceSink
    {
        public List<string> Lines { get; } = [];

        public void Begin(in TraceEvent begin) => Lines.Add($"{begin.TimeNs} {begin.Kind} by {begin.Thread} of {begin.Object}");

        public void Add(in TraceCall call)
        {
            static string At(bool isTold, ulong address) => isTold ? $" at {address.ToString("x", CultureInfo.InvariantCulture)}" : "";
            string request = call.IsReallocation ? $"{call.BytesRequested} bytes, " : "";
            string given = call.Given < 0 ? "" : $"given {call.Given}{At(call.IsReallocation, call.PreviousAddress)}, ";
            string taken = call.Acquired < 0 ? "" : $"takes {call.Acquired}{At(call.IsReallocation, call.Address)}{(call.Released < 0 ? "" : ", ")}";
            string back = call.Released < 0 ? "" : $"gives back {call.Released}";
            Lines.Add($"{call.TimeNs} {call.Kind} by {call.Thread} from {call.BeginNs} to {call.EndNs}: {request}{given}{taken}{back}");
        }

        public void Add(in ThreadEvent e) => Lines.Add($"{e.TimeNs} {e.Kind} by {e.Thread}");
    }

    private sealed class Reports(List<double> list) : IProgress<double>
    {
        public void Report(double value) => list.Add(value);
    }

    private sealed class Cancels(CancellationTokenSource source) : IProgress<double>
    {
        public void Report(double value) => source.Cancel();
    }
}
