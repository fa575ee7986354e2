using System.Globalization;
using System.Text.Json;
using AllocReplay.Cli.Output;
using AllocReplay.Cli.Pages;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Packed;
using AllocReplay.Formats.Summary;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary>What <c>info</c> shows: figures, how they go over time, lists that end, and warnings that say what to do.</summary>
public sealed class InfoTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    private string Recording => _directory["r.allocrec"];

    [Fact]
    [StartsProcesses]
    public void A_whole_trace_has_every_figure_and_no_warning()
    {
        WriteWhole();
        ProgramResult info = Programs.AllocReplay("info", Recording);
        Assert.Equal(0, info.ExitCode);
        Assert.Matches(@"form +recording directory, \d+\.\d KiB on disk, format 1\.0\n", info.Output);
        Assert.Matches(@"allocator +/lib/libtest\.so", info.Output);
        Assert.Matches(@"duration +2\.4 µs\n", info.Output);
        Assert.Matches(@"threads +1  thread-0\n", info.Output);
        Assert.Matches(@"calls +3  1,250,000 calls/s on average\n", info.Output);
        Assert.Matches(@"events +3  \d+\.\d\d B/event, \d+ B\n", info.Output);
        Assert.Matches(@"peak live +1\.5 KiB  at 1\.6 µs\n", info.Output);
        Assert.Matches(@"live at end +1\.0 KiB  in 1 block\n", info.Output);
        Assert.Matches(@"peak RSS +12\.0 KiB  by 1\.2 µs; resident 8\.0 × peak live\n", info.Output);
        Assert.Matches(@"RSS at end +10\.0 KiB  6\.0 KiB of it anonymous, 2\.0 KiB more in swap; resident 6\.7 × what was\s+live then\n", info.Output);
        Assert.Matches(@"merge parks +0 ", info.Output);
        Assert.Matches(@"forced steps +0 ", info.Output);
        Assert.Matches(@"events lost +0\n", info.Output);
        Assert.Matches(@"limits hit +none\n", info.Output);
        Assert.Matches(@"malloc +2 +66\.7\n", info.Output);
        Assert.DoesNotContain("warning", info.Output, StringComparison.Ordinal);
        Assert.StartsWith("Next: allocreplay compare", info.Error, StringComparison.Ordinal);
    }

    /// <summary>Its blocks and what it mapped when it was looked at, beside what the kernel said then: a block is given back after that.</summary>
    [Fact]
    public void What_is_live_and_mapped_is_added_up_where_both_are_known()
    {
        WriteWhole();
        Assert.DoesNotContain("live + mapped", Page(Recording), StringComparison.Ordinal);
        WriteWhole(regions: true);
        Assert.Matches(@"live \+ mapped +1\.5 KiB  at 2\.0 µs, of 8\.0 KiB anonymous, resident or in swap", Page(Recording, width: 140));
    }

    [Fact]
    public void A_trace_of_which_nobody_looked_at_the_memory_does_not_tell_it()
    {
        WriteTroubled(threads: 1);
        Assert.DoesNotContain("RSS", Page(Recording), StringComparison.Ordinal);
    }

    [Fact]
    public void A_fact_of_a_million_characters_is_shortened()
    {
        WriteWhole();
        new SessionInfo { Command = ["svc"], Host = new string('h', 1_000_000) }.Save(Recording);
        string page = Page(Recording);
        Assert.InRange(page.Length, 4096, 10_000);
        Assert.Matches(@"… \(1,000,\d+\s+characters;\s+--json\s+has\s+all\)", page);
    }

    [Fact]
    public void A_packed_trace_is_shown_as_the_recording_is_and_says_what_it_is()
    {
        WriteWhole();
        TracePacker.Pack(Recording, _directory["r.alloctrace"], cancellation: TestContext.Current.CancellationToken);
        string packed = Page(_directory["r.alloctrace"]);
        Assert.Matches(@"form +packed trace, \S+ \w+ on disk, format 1\.0\n", packed);
        string[] differ = ["trace ", "form ", "events "];
        IEnumerable<string> Rest(string page) => page.Split('\n').Where(l => !differ.Any(d => l.StartsWith(d, StringComparison.Ordinal)));
        Assert.Equal(Rest(Page(Recording)), Rest(packed));
    }

    [Theory]
    [InlineData(100)]
    [InlineData(80)]
    public void No_line_is_longer_than_the_page(int width)
    {
        WriteTroubled(threads: 30);
        string[] lines = Page(Recording, width).Split('\n');
        Assert.All(lines, l => Assert.InRange(l.Length, 0, width));
        Assert.Contains(lines, l => l.Length > width * 3 / 4);
        Assert.DoesNotContain(lines, l => l.EndsWith(' '));
        Assert.DoesNotContain(lines, l => l.Contains('\u001b'));
    }

    [Theory]
    [InlineData("70", 70)]
    [InlineData("80", 80)]
    [InlineData("200", 100)] // no wider than a page that reads well
    [InlineData("wide", 100)]
    [StartsProcesses]
    public void In_a_pipe_the_page_is_as_wide_as_COLUMNS_says(string columns, int width)
    {
        WriteTroubled(threads: 30);
        ProgramResult info = Programs.Run("dotnet", [Path.Combine(AppContext.BaseDirectory, "allocreplay.dll"), "info", Recording],
            start => start.Environment["COLUMNS"] = columns);
        Assert.Equal(0, info.ExitCode);
        Assert.Equal(Page(Recording, width), info.Output);
        Assert.All(info.Output.Split('\n'), l => Assert.InRange(l.Length, 0, width));
    }

    [Fact]
    [StartsProcesses]
    public void Sparklines_are_there_without_a_terminal()
    {
        WriteWhole();
        string[] lines = Programs.AllocReplay("info", Recording).Output.Split('\n');
        Assert.Matches("^calls/s +[▆▇█] +[▆▇█] +[▆▇█] +max [0-9,]+$", Assert.Single(lines, l => l.StartsWith("calls/s", StringComparison.Ordinal)));
        Assert.Matches("^live bytes +▃+█+▆* +max 1.5 KiB$", Assert.Single(lines, l => l.StartsWith("live bytes", StringComparison.Ordinal)));
        Assert.Single(lines, l => l.Contains("peak at 1.6 µs ▲", StringComparison.Ordinal));
    }

    [Fact]
    public void Warnings_come_last_each_with_what_to_do()
    {
        WriteTroubled(threads: 2);
        string page = Page(Recording);
        string[] warnings = page[page.IndexOf("5 warnings\n", StringComparison.Ordinal)..].TrimEnd().Split('\n');
        string all = string.Join(' ', string.Join(' ', warnings).Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("1,234 calls were lost. Blocks that they released count as live.", all, StringComparison.Ordinal);
        Assert.Contains("1 free of blocks whose allocation is not in the trace. They are left out", all, StringComparison.Ordinal);
        Assert.Contains("1 block ended without a free in the trace: the address was handed out again. Lifetimes", all, StringComparison.Ordinal);
        Assert.Contains("2 steps of the merge were forced: an event to wait for is not in the trace. Each thread's order", all, StringComparison.Ordinal);
        Assert.Equal(5, warnings.Count(l => l.StartsWith("  ! ", StringComparison.Ordinal)));
        Assert.All(warnings[1..], l => Assert.Matches(@"^  [! ] \S", l));
    }

    [Fact]
    public void Of_one_thread_no_order_is_in_doubt_so_forced_steps_are_no_warning()
    {
        WriteTroubled(threads: 1);
        string page = Page(Recording);
        Assert.Matches(@"forced steps +2 ", page);
        Assert.Contains("3 warnings\n", page, StringComparison.Ordinal);
        Assert.DoesNotContain("of the merge", page, StringComparison.Ordinal);
    }

    [Fact]
    [StartsProcesses]
    public void What_a_forked_process_frees_for_its_parent_is_shown_and_is_no_warning()
    {
        var writer = new RecordingWriter(Recording) { Forked = true };
        writer.Thread(0).Free(800, 0xf000).Malloc(1600, 0x1000, 8);
        writer.Thread(1).Free(2400, 0xe000).Malloc(5_000_000, 0x2000, 8);
        writer.Save();
        string page = Page(Recording);
        Assert.Matches(@"of the parent +2 +frees of blocks that were there when the process was forked\n", page);
        Assert.Matches(@"frees not matched +0 ", page);
        Assert.Matches(@"forced steps +0 ", page);
        Assert.DoesNotContain("warning", page, StringComparison.Ordinal);
        using JsonDocument json = JsonDocument.Parse(Programs.AllocReplay("info", "--json", Recording).Output);
        Assert.Equal((2, 0), (json.RootElement.GetProperty("inherited_releases").GetInt64(), json.RootElement.GetProperty("warnings").GetArrayLength()));
    }

    [Fact]
    [StartsProcesses]
    public void Latencies_are_shown_for_each_kind_of_call()
    {
        var writer = new RecordingWriter(Recording) { Latency = true };
        for (int i = 1; i <= 1000; i++) // durations are in ticks of 8 ns
            writer.Thread(0).Event(16_000 * i, CallKind.Malloc, 0x1000 + 64 * (ulong)i, 8, duration: (ulong)i);
        writer.Thread(0).Event(20_000_000, CallKind.Free, 0x1040, duration: 5).Realloc(21_000_000, 21_000_800, 0x1080, 0x2000, 8);
        writer.Save();
        string page = Page(Recording);
        Assert.Matches(@"call +count +% +p50 +p90 +p99 +p99\.9 +max\n", page);
        Assert.Matches(@"malloc +1,000 +99\.8 +4\.0 µs +7\.2 µs +7\.9 µs +8\.0 µs +8\.0 µs\n", page);
        Assert.Matches(@"free +1 +0\.1 +40 ns +40 ns +40 ns +40 ns +40 ns\n", page);
        using JsonDocument json = JsonDocument.Parse(Programs.AllocReplay("info", "--json", Recording).Output);
        JsonElement malloc = json.RootElement.GetProperty("latencies").EnumerateArray().Single(l => l.GetProperty("call").GetString() == "malloc");
        Assert.Equal((1000, 8000), (malloc.GetProperty("count").GetInt64(), malloc.GetProperty("max_ns").GetInt64()));
        // Three digits: a histogram's value is at most a thousandth too high.
        Assert.InRange(malloc.GetProperty("p50_ns").GetInt64(), 4000, 4004);
        Assert.InRange(malloc.GetProperty("p90_ns").GetInt64(), 7200, 7208);
        Assert.InRange(malloc.GetProperty("p99_ns").GetInt64(), 7920, 7928);
        Assert.InRange(malloc.GetProperty("p999_ns").GetInt64(), 7992, 8000);
    }

    [Fact]
    [StartsProcesses]
    public void Without_latency_there_are_no_columns_for_it()
    {
        WriteWhole();
        Assert.DoesNotContain("p99", Page(Recording), StringComparison.Ordinal);
        using JsonDocument json = JsonDocument.Parse(Programs.AllocReplay("info", "--json", Recording).Output);
        Assert.Equal(0, json.RootElement.GetProperty("latencies").GetArrayLength());
    }

    [Fact]
    public void Damage_is_a_warning_too()
    {
        WriteWhole();
        string tails = Path.Combine(Recording, "p100.0", "tails");
        byte[] bytes = File.ReadAllBytes(tails);
        bytes[64] = 3 | 63 << 2; // the long form…
        bytes[65] = 63; // …of a kind that is none
        File.WriteAllBytes(tails, bytes);
        string page = Page(Recording);
        Assert.Contains("1 warning\n  ! The trace is damaged: ", page, StringComparison.Ordinal);
        Assert.Contains("--partial", page, StringComparison.Ordinal);
    }

    [Fact]
    [StartsProcesses]
    public void A_long_list_of_threads_is_cut_with_a_line_that_says_how_to_see_all()
    {
        WriteTroubled(threads: 30);
        ProgramResult cut = Programs.AllocReplay("info", Recording);
        Assert.Contains("  and 20 more threads with 20 calls: --threads lists all.\n", cut.Output, StringComparison.Ordinal);
        Assert.Equal(10, ThreadRows(cut.Output));
        Assert.Equal(30, ThreadRows(Programs.AllocReplay("info", "--threads", Recording).Output));

        static int ThreadRows(string page) => page.Split('\n').Count(l => l.Contains(" thread-", StringComparison.Ordinal));
    }

    [Fact]
    public void Of_several_images_the_one_that_the_figures_are_of_is_marked()
    {
        WriteWhole();
        Directory.CreateDirectory(Path.Combine(Recording, "p101.0"));
        foreach (string file in Directory.GetFiles(Path.Combine(Recording, "p100.0")))
            File.Copy(file, Path.Combine(Recording, "p101.0", Path.GetFileName(file)));
        string page = Page(Recording, image: "p101.0");
        Assert.Matches(@"process +p101\.0, one of 2: all figures are of it alone; --process chooses another\n", page);
        Assert.Matches(@"p101\.0 .*← shown above\n", page);
        Assert.DoesNotMatch(@"p100\.0 .*← shown above\n", page);
    }

    [Fact]
    public void What_a_program_calls_itself_does_not_command_the_terminal()
    {
        WriteWhole();
        File.WriteAllBytes(Path.Combine(Recording, "p100.0", "cmdline"), "a\u001b[31m\0it's\0\0two\nlines\0"u8.ToArray());
        string page = Page(Recording);
        Assert.Contains(@"$'a\x1b[31m' 'it'\''s' '' $'two\nlines'", page, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', page);
    }

    [Fact]
    [StartsProcesses]
    public void Json_carries_what_the_sparklines_show_and_the_warnings()
    {
        WriteTroubled(threads: 2);
        ProgramResult info = Programs.AllocReplay("info", "--json", Recording);
        using JsonDocument json = JsonDocument.Parse(info.Output);
        JsonElement root = json.RootElement;
        Assert.Equal("recording", root.GetProperty("form").GetString());
        Assert.Equal(Directory.GetFiles(Recording, "*", SearchOption.AllDirectories).Sum(f => new FileInfo(f).Length),
            root.GetProperty("file_bytes").GetInt64());
        Assert.Equal(1234, root.GetProperty("events_lost").GetInt64());
        Assert.Equal(0, root.GetProperty("limits_hit").GetArrayLength());
        Assert.Equal(5, root.GetProperty("warnings").GetArrayLength());
        Assert.All(root.GetProperty("warnings").EnumerateArray(), w => Assert.NotEqual("", w.GetProperty("action").GetString()));
        JsonElement timeline = root.GetProperty("timeline");
        long[] calls = [.. timeline.GetProperty("calls").EnumerateArray().Select(c => c.GetInt64())];
        ulong[] live = [.. timeline.GetProperty("peak_live_bytes").EnumerateArray().Select(c => c.GetUInt64())];
        Assert.Equal(root.GetProperty("calls").GetInt64(), calls.Sum());
        Assert.Equal(root.GetProperty("peak_live_bytes").GetUInt64(), live.Max());
        Assert.Equal(calls.Length, live.Length);
        long end = timeline.GetProperty("start_ns").GetInt64() + calls.Length * timeline.GetProperty("bucket_ns").GetInt64();
        Assert.InRange(root.GetProperty("duration_ns").GetInt64(), end - timeline.GetProperty("bucket_ns").GetInt64(), end - 1);
    }

    [Theory]
    [InlineData("--max-size", "100K", RecordingLimit.MaxSize, "size")]
    [InlineData("--duration", "100ms", RecordingLimit.Duration, "duration")]
    [StartsProcesses]
    public void A_limit_that_ended_the_recording_is_named(string option, string value, RecordingLimit limit, string name)
    {
        // The shell allocates as it goes on, for longer than either limit allows.
        string script = option == "--duration" ? "sleep 0.6" : "i=0; while [ $i -lt 40000 ]; do i=$((i+1)); done";
        ProgramResult record = Programs.AllocReplay("record", "-q", "--follow-children", "no", option, value, "-o", Recording, "--", "bash", "-c", script);
        Assert.True(record.ExitCode == 0, record.Error);
        Assert.Matches($@"limits hit +{name}  {name} at most 100\.0 (KiB|ms)\n", Page(Recording));
        using TraceReader reader = TraceReader.Open(Recording);
        TraceSummary summary = TraceSummary.Read(reader, token: TestContext.Current.CancellationToken);
        Assert.Equal([limit], summary.LimitsHit);
        Assert.Contains(new InfoReport(summary).Warnings, w => w.What.Contains("limit of 100.0", StringComparison.Ordinal)
            && w.Action.Contains(option, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(999, "999 ns")]
    [InlineData(1.5e6, "1.5 ms")]
    [InlineData(59.99e9, "59.99 s")]
    [InlineData(90e9, "1 min 30 s")]
    [InlineData(3600e9, "1 h 00 min")]
    [InlineData(86400e9 * 2.5, "2 d 12 h")]
    public void Durations_are_written_in_units_of_their_size(double ns, string expected) =>
        Assert.Equal(expected, Quantity.Duration(ns));

    [Fact]
    public void A_sparkline_is_relative_to_its_highest_value_and_only_nothing_is_blank()
    {
        Assert.Equal("", Sparkline.Render([]));
        Assert.Equal("  ", Sparkline.Render([0, 0]));
        Assert.Equal(" ▁▄▅█", Sparkline.Render([0, 0.0001, 50, 51, 100]));
    }

    [Fact]
    public void Rates_are_calls_over_the_time_that_a_column_covers()
    {
        // Five buckets of 1 ms in two columns; the last bucket is over after half of it.
        Assert.Equal([1500, 2400], Sparkline.Rates([1, 2, 2, 2, 2], 1_000_000, 4_500_000, 2).Select(r => Math.Round(r)));
        Assert.Equal([1000], Sparkline.Rates([1], 1_000_000, 3, 50));
        Assert.Equal([2, 5], Sparkline.Peaks([1, 2, 3, 5, 4], 2));
        Assert.Equal([0, 0, 1, 1, 1], Enumerable.Range(0, 5).Select(b => Sparkline.ColumnOf(b, 5, 2)));
    }

    private void WriteWhole(bool regions = false)
    {
        Directory.CreateDirectory(Recording);
        var writer = new RecordingWriter(Recording) { Regions = regions };
        writer.Thread(0).Malloc(0, 0x1000, 512).Malloc(1600, 0x2000, 1024).Free(2400, 0x1000);
        writer.Memory(400, 4096, 2048, 0, 8192).Memory(1200, 8192, 4096, 0, 12_288).Memory(2000, 10_240, 6144, 2048, 12_288);
        writer.Save();
    }

    /// <summary>Lost events, a free of nothing known, and an address taken twice.</summary>
    private void WriteTroubled(int threads)
    {
        Directory.CreateDirectory(Recording);
        var writer = new RecordingWriter(Recording);
        writer.Thread(0).Free(800, 0xf000).Malloc(1600, 0x1000, 1 << 20).Malloc(3_000_000, 0x1000, 64).Free(6_000_000, 0x1000);
        for (int i = 1; i < threads; i++)
            writer.Thread(i).Malloc(5_000_000, 0x10000 + 64 * (ulong)i, 64);
        writer.Save(lostEvents: 1234);
    }

    private static string Page(string path, int width = 100, string? image = null)
    {
        using TraceReader reader = TraceReader.Open(path, image);
        TraceSummary summary = TraceSummary.Read(reader, token: TestContext.Current.CancellationToken);
        using var page = new StringWriter(CultureInfo.InvariantCulture);
        var terminal = new Terminal(page, TextWriter.Null);
        foreach (Spectre.Console.Rendering.IRenderable part in InfoPage.Of(summary, new InfoLists(false, false), width))
            terminal.Write(part, width);
        return page.ToString();
    }
}
