using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Import;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Packed;
using AllocReplay.Formats.Statistics;

namespace AllocReplay.Tests.Support;

/// <summary>Imports text in a directory of the test's own, and looks at the trace that came of it.</summary>
public abstract class ImportFixture : IDisposable
{
    private protected TemporaryDirectory Work { get; } = new();

    private protected string Pack => Work["out.alloctrace"];

    public void Dispose()
    {
        Work.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected ImportResult Import(string format, string text)
    {
        File.WriteAllText(Work["in.txt"], text);
        return TraceImporter.Import(format, Work["in.txt"], Pack);
    }

    private protected ImportResult Android(params IEnumerable<string> lines) => Import("android", string.Join('\n', lines) + "\n");

    private protected void AssertRefused(string format, string text, params string[] expected)
    {
        TraceFormatException error = Assert.Throws<TraceFormatException>(() => Import(format, text));
        Assert.All(expected, e => Assert.Contains(e, error.Message, StringComparison.Ordinal));
        Assert.DoesNotContain('\u001b', error.Message);
        Assert.DoesNotContain('\n', error.Message);
        Assert.Equal(["in.txt"], Files());
    }

    /// <summary>Compares the merged events with those of the trace that the packer makes of it.</summary>
    private protected void AssertPackedAnew()
    {
        TracePacker.Pack(Pack, Work["anew.alloctrace"], cancellation: TestContext.Current.CancellationToken);
        using TraceReader one = TraceReader.Open(Pack), other = TraceReader.Open(Work["anew.alloctrace"]);
        while (one.Read(out TraceEvent e))
        {
            Assert.True(other.Read(out TraceEvent f));
            Assert.Equal(e, f);
        }
        Assert.False(other.Read(out _));
    }

    private protected TraceStatistics Statistics(out MergeStatistics merge)
    {
        using TraceReader reader = TraceReader.Open(Pack);
        TraceStatistics statistics = TraceStatistics.Of(reader);
        Assert.Null(reader.Damage);
        merge = reader.Merge with { Parks = 0, ForcedSteps = 0 };
        return statistics;
    }

    private protected List<TraceEvent> TraceEvents()
    {
        using TraceReader reader = TraceReader.Open(Pack);
        var events = new List<TraceEvent>();
        while (reader.Read(out TraceEvent e))
            events.Add(e);
        Assert.Null(reader.Damage);
        return events;
    }

    private protected List<string> Events() => TraceEvents().ConvertAll(Describe);

    private static string Describe(TraceEvent e)
    {
        string text = $"{e.TimeNs} t{e.Thread} {CallKinds.Name(e.Kind)}";
        Assert.Equal((1U, -1), (e.Interval, e.OtherThread));
        if (CallKinds.IsThreadEvent(e.Kind))
            return text;
        text += (e.IsNull ? " null" : $" 0x{e.Address:x}") + $" {e.Size}";
        text += e.Count != 1 ? $" count {e.Count}" : "";
        text += e.Alignment != 0 ? $" align {e.Alignment}" : "";
        text += e.PreviousObject >= 0 ? $" was {e.PreviousObject}" : "";
        return text + (e.DurationNs > 0 ? $" took {e.DurationNs}" : "");
    }

    private protected string[] Files() => [.. Directory.GetFiles(Work.Path).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];
}
