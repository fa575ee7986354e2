using System.Text.Json;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Recording;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary>
/// A recording that was kept in part, as each command tells of it: three blocks were live when the window began, one of them before calls were lost; in the
/// window one of them is freed, and two more are acquired, of which one is freed.
/// </summary>
public sealed class KeptRecordingTests : IDisposable
{
    private const long SecondNs = 1_000_000_000, WindowNs = 3600 * SecondNs;

    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _runner = new();

    public KeptRecordingTests()
    {
        var writer = new RecordingWriter(_directory["r.allocrec"]);
        Write(writer);
        using RecordingWindow window = RecordingWindow.Open(Path.Combine(_directory["r.allocrec"], RecordingWriter.ImageName));
        window.Look(isLast: true);
        Assert.Equal(8, window.PassEvents(8));
        window.Save();
    }

    public void Dispose()
    {
        _runner.Dispose();
        _directory.Dispose();
    }

    private string Recording => _directory["r.allocrec"];

    private static void Write(RecordingWriter writer)
    {
        writer.Thread(0).Malloc(SecondNs, 0x1000, 100).Malloc(2 * SecondNs, 0x2000, 50).Free(3 * SecondNs, 0x2000)
            .Event(4 * SecondNs, CallKind.Gap, count: 7).Malloc(5 * SecondNs, 0x3000, 200).Malloc(6 * SecondNs, 0x2000, 10).Free(7 * SecondNs, 0x2000)
            .Malloc(WindowNs, 0x4000, 300)
            .Malloc(WindowNs + SecondNs, 0x5000, 1000).Free(WindowNs + 2 * SecondNs, 0x3000).Malloc(WindowNs + 3 * SecondNs, 0x6000, 40)
            .Free(WindowNs + 4 * SecondNs, 0x6000);
        writer.Save();
    }

    [Fact]
    public void Info_tells_what_is_whole_and_counts_the_calls_of_that()
    {
        Assert.Equal(0, _runner.Run("info", Recording));
        string page = Words(_runner.Output);
        Assert.Contains("kept whole from 1 h 00 min on, ", page, StringComparison.Ordinal);
        Assert.Contains("; 4 events before it gone, but for 3 blocks (600 B) that were live then; 2 (400 B) still are, 1 of them uncertain", page,
            StringComparison.Ordinal);
        Assert.Matches("calls 4 1 calls/s on average", page);
        Assert.Contains("acquisitions 2 1.0 KiB requested", page, StringComparison.Ordinal);
        Assert.Contains("temporary 1 freed", page, StringComparison.Ordinal);
        Assert.Contains("live at end 1.4 KiB in 3 blocks, 1 of them (100 B) uncertain", page, StringComparison.Ordinal);
        Assert.Contains("! What was before 1 h 00 min is gone", page, StringComparison.Ordinal);
        Assert.Contains("! 1 block of what is live at the end was acquired before calls were lost", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Info_gives_the_same_as_json()
    {
        Assert.Equal(0, _runner.Run("info", Recording, "--json"));
        using JsonDocument info = JsonDocument.Parse(_runner.Output);
        JsonElement kept = info.RootElement.GetProperty("kept");
        Assert.Equal((WindowNs, 4L, 3L, 600L, 2L, 400L, 1L), (Long("from_ns"), Long("events_gone"), Long("blocks"), Long("bytes"), Long("still_live_blocks"),
            Long("still_live_bytes"), Long("uncertain_blocks")));
        Assert.Equal((WindowNs, 1L, 100L), (info.RootElement.GetProperty("timeline").GetProperty("start_ns").GetInt64(),
            info.RootElement.GetProperty("live_uncertain_blocks").GetInt64(), info.RootElement.GetProperty("live_uncertain_bytes").GetInt64()));

        long Long(string name) => kept.GetProperty(name).GetInt64();
    }

    [Fact]
    public void Dump_marks_what_is_carried()
    {
        Assert.Equal(0, _runner.Run("dump", Recording));
        string[] lines = _runner.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(4, lines.Count(l => l.EndsWith("  carried", StringComparison.Ordinal)));
        Assert.Equal(0, _runner.Run("dump", Recording, "--json"));
        Assert.Equal(4, _runner.Output.Split('\n').Count(l => l.Contains(",\"carried\":true", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_dataset_has_the_window_and_what_was_live_when_it_began()
    {
        Analyze();
        Assert.Equal(
        [
            "0,100,true,true,alive_at_end", "1,200,true,false,freed", "2,300,true,false,alive_at_end", "3,1000,false,false,alive_at_end",
            "4,40,false,false,freed",
        ], Query("SELECT object, size, carried, uncertain, end_kind FROM allocations ORDER BY object"));
        Assert.Equal([$"{WindowNs},3,600,4,1,100,2,1040,4"], Query(
            "SELECT window_from_ns, carried_blocks, carried_bytes, events_gone, uncertain_blocks, uncertain_bytes, acquisitions, bytes_acquired, calls "
            + "FROM process"));
        // The picture begins at the window, and at what was live then.
        Assert.Equal([$"{WindowNs},600,0"], Query("SELECT ns, live_bytes, acquired_bytes FROM timeline WHERE scope = 'process' ORDER BY ns LIMIT 1"));
        Assert.Equal(["1040"], Query("SELECT CAST(sum(acquired_bytes) AS BIGINT) FROM timeline WHERE scope = 'process'"));
    }

    [Fact]
    public void A_check_says_that_a_leak_is_not_certain()
    {
        Assert.Equal(1, _runner.Run("check", Recording, "--max-outstanding", "1000"));
        Assert.Contains("outstanding 1.4 KiB (limit 1000 B)", _runner.Output, StringComparison.Ordinal);
        Assert.Contains("; 100 B of it uncertain", _runner.Output, StringComparison.Ordinal);
        Assert.Contains("1 outstanding block of 100 B may have been freed unseen", _runner.Error, StringComparison.Ordinal);
        Assert.Contains("whole from 1 h 00 min on", _runner.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_diff_compares_what_is_live_and_refuses_a_moment_that_is_gone()
    {
        Analyze();
        Assert.Equal(0, _runner.Run("diff", _directory["d"], _directory["d"], "--json"));
        using JsonDocument diff = JsonDocument.Parse(_runner.Output);
        JsonElement side = diff.RootElement.GetProperty("a");
        Assert.Equal((2L, 1040L), (side.GetProperty("blocks").GetInt64(), side.GetProperty("bytes").GetInt64()));
        Assert.Equal((3L, 1400L), (side.GetProperty("outstanding_blocks").GetInt64(), side.GetProperty("outstanding_bytes").GetInt64()));
        Assert.Contains("is whole from 1 h 00 min on", _runner.Error, StringComparison.Ordinal);
        Assert.NotEqual(0, _runner.Run("diff", _directory["d"], "--at", "10s", "--at", "3601s"));
        Assert.Contains("--at 10s: ", _runner.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_report_has_the_window()
    {
        Assert.Equal(0, _runner.Run("report", Recording, "--json"));
        using JsonDocument report = JsonDocument.Parse(_runner.Output);
        JsonElement summary = report.RootElement.GetProperty("summary");
        Assert.Equal((WindowNs, 3L, 4L, 1L), (summary.GetProperty("window_from_ns").GetInt64(), summary.GetProperty("carried_blocks").GetInt64(),
            summary.GetProperty("events_gone").GetInt64(), summary.GetProperty("uncertain_blocks").GetInt64()));
        JsonElement timeline = report.RootElement.GetProperty("timeline");
        Assert.Equal((WindowNs, 600L), (timeline.GetProperty("moments_ns")[0].GetInt64(), timeline.GetProperty("live_bytes")[0].GetInt64()));
        Assert.Equal(2, report.RootElement.GetProperty("lifetimes").GetProperty("cells").EnumerateArray().Sum(c => c.GetProperty("blocks").GetInt64()));
        Assert.Equal(3, report.RootElement.GetProperty("lifetimes").GetProperty("carried_blocks").GetInt64());
    }

    private void Analyze() => Assert.Equal(0, _runner.Run("analyze", Recording, "-o", _directory["d"]));

    private string[] Query(string sql)
    {
        Assert.Equal(0, _runner.Run("query", _directory["d"], sql, "--csv"));
        return [.. _runner.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(l => l.TrimEnd('\r'))];
    }

    /// <summary>Without columns and line ends.</summary>
    private static string Words(string page) => string.Join(' ', page.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
