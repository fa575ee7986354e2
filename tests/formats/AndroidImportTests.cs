using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Import;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Statistics;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Formats;

/// <summary>Each line of Android's memory_replay text becomes the events that it stands for; a line that is none is named.</summary>
public sealed class AndroidImportTests : ImportFixture
{
    private const string Variable = "ALLOCREPLAY_ANDROID_TRACE";

    /// <summary>Where the trace is that the Android Open Source Project has as systemui; skips the test that asks where nobody says.</summary>
    internal static string RealTrace()
    {
        string? path = Environment.GetEnvironmentVariable(Variable);
        Assert.SkipWhen(string.IsNullOrEmpty(path), $"{Variable} does not name AOSP's memory_replay/traces/systemui.zip");
        return path!;
    }

    [Fact]
    public void Every_android_call_is_the_event_that_the_hook_would_write_and_line_n_is_at_n_microseconds()
    {
        Android(
            "100: malloc 0xb48390a0 48",
            "100: calloc 0xb48c1100 32 8",
            "200: memalign 0xae9d0bb0 16 104",
            "100: realloc 0x96b90920 0xb48390a0 100",
            "200: free 0xae9d0bb0",
            "200: thread_done 0x0");

        Assert.Equal(
            [
                "1000 t0 thread_start",
                "1000 t0 malloc 0xb48390a0 48",
                "2000 t0 calloc 0xb48c1100 8 count 32",
                "3000 t1 thread_start",
                "3000 t1 memalign 0xae9d0bb0 104 align 16",
                "4000 t0 realloc.begin 0xb48390a0 100",
                "4500 t0 realloc.end 0x96b90920 100 was 0",
                "5000 t1 free 0xae9d0bb0 0",
                "6000 t1 thread_exit",
            ],
            Events());
        using TraceReader reader = TraceReader.Open(Pack);
        Assert.Equal([100U, 200U], reader.Threads.Select(t => t.OsTid));
        Assert.Equal(("import:android", "in.txt", "", 0U, false),
            (reader.Process.Source, reader.Process.Executable, reader.Process.AllocatorPath, reader.Process.Pid, reader.Process.Latency));
    }

    [Fact]
    public void Android_null_pointers_are_failures_null_releases_and_what_realloc_makes_of_them()
    {
        Android(
            "1: malloc 0x0 18446744073709551615",
            "1: calloc 0x0 4 1000",
            "1: memalign 0x0 64 5",
            "1: free 0x0",
            "1: realloc 0x1000 0x0 8",
            "1: realloc 0x0 0x1000 99",
            "1: realloc 0x0 0x1000 0",
            "1: malloc 0x1000 1");

        Assert.Equal(
            [
                "1000 t0 thread_start",
                "1000 t0 malloc null 18446744073709551615",
                "2000 t0 calloc null 1000 count 4",
                "3000 t0 memalign null 5 align 64",
                "4000 t0 free null 0",
                "5000 t0 realloc.begin null 8",
                "5500 t0 realloc.end 0x1000 8",
                "6000 t0 realloc.begin 0x1000 99",
                "6500 t0 realloc.end null 99 was 0", // failed: the block stays
                "7000 t0 realloc.begin 0x1000 0",
                "7500 t0 realloc.end null 0 was 0", // freed
                "8000 t0 malloc 0x1000 1",
            ],
            Events());
        TraceStatistics statistics = Statistics(out MergeStatistics merge);
        Assert.Equal((2L, 4L, 1L, 1L), (statistics.Acquisitions, statistics.FailedCalls, statistics.NullReleases, statistics.LiveBlocks));
        Assert.Equal(default, merge);
    }

    [Fact]
    public void Android_times_are_since_the_earliest_start_and_a_call_is_stamped_while_its_thread_owns_the_block()
    {
        Android(
            "7: malloc 0x1000 16 5000000100 5000000350",
            "8: calloc 0x2000 2 3 5000000000 5000000400", // returned last, began first
            "7: realloc 0x3000 0x1000 32 5000000500 5000000900",
            "7: free 0x3000 5000001000 5000001700",
            "7: thread_done 0x0 5000002000",
            "8: thread_done 0x0");

        Assert.Equal(
            [
                "0 t1 thread_start",
                "100 t0 thread_start",
                "350 t0 malloc 0x1000 16 took 250",
                "400 t1 calloc 0x2000 3 count 2 took 400",
                "500 t0 realloc.begin 0x1000 32",
                "900 t0 realloc.end 0x3000 32 was 0 took 400",
                "1000 t0 free 0x3000 0 took 700",
                "1700 t1 thread_exit", // without a time of its own: the latest so far
                "2000 t0 thread_exit",
            ],
            Events());
        using TraceReader reader = TraceReader.Open(Pack);
        Assert.True(reader.Process.Latency);
    }

    [Fact]
    public void An_android_thread_id_that_comes_back_is_another_thread()
    {
        ImportResult result = Android("9: malloc 0x1000 16", "9: thread_done 0x0", "9: free 0x1000", "9: thread_done 0x0", "10: thread_done 0x0");

        Assert.Equal((5L, 3, 2), (result.Lines, result.Threads, result.ThreadIds));
        Assert.Equal(
            [
                "1000 t0 thread_start", "1000 t0 malloc 0x1000 16", "2000 t0 thread_exit",
                "3000 t1 thread_start", "3000 t1 free 0x1000 0", "4000 t1 thread_exit",
                "5000 t2 thread_start", "5000 t2 thread_exit",
            ],
            Events());
    }

    [Fact]
    public void An_android_thread_that_ends_before_the_first_call_ends_at_the_beginning_whatever_the_unit()
    {
        Android("3: thread_done 0x0", "4: malloc 0x10 1 90000000000 90000000010");

        Assert.Equal(["0 t0 thread_start", "0 t0 thread_exit", "0 t1 thread_start", "10 t1 malloc 0x10 1 took 10"], Events());
    }

    [Fact]
    public void What_an_android_trace_does_not_show_is_counted_and_not_dropped()
    {
        Android("1: free 0x5000", "1: malloc 0x1000 8", "1: malloc 0x1000 9");

        TraceStatistics statistics = Statistics(out MergeStatistics merge);
        Assert.Equal((3L, 1L, 1L, 1L), (statistics.Calls, merge.UnknownReleases, merge.ImplicitReleases, statistics.LiveBlocks));
    }

    [Theory]
    [InlineData("1: malloc 0x10 1\r\n1: free 0x10\r\n")]
    [InlineData("1: malloc 0x10 1\n1: free 0x10")]
    [InlineData("1: malloc 0x10 1\n1: free 0x10 \n\n  \n")]
    [InlineData("1:malloc  0X10\t1\n 1: free 0x10\n")]
    public void Line_ends_and_blanks_are_taken_as_they_come(string text)
    {
        Import("android", text);
        Assert.Equal(["1000 t0 thread_start", "1000 t0 malloc 0x10 1", "2000 t0 free 0x10 0"], Events());
    }

    [Theory]
    [InlineData("hello", "line 2: expected a line 'TID: CALL POINTER …', found 'hello'")]
    [InlineData("x: malloc 0x10 1", "expected a line 'TID: CALL POINTER …'")]
    [InlineData("-1: malloc 0x10 1", "expected a line 'TID: CALL POINTER …'")]
    [InlineData("4294967296: malloc 0x10 1", "expected a line 'TID: CALL POINTER …'")]
    [InlineData("\u0001\u001b[2J", "found '?")]
    [InlineData("1: valloc 0x10 1", "expected malloc, free, calloc, realloc, memalign or thread_done, found 'valloc'")]
    [InlineData("1:", "expected malloc, free, calloc, realloc, memalign or thread_done, found the end of the line")]
    [InlineData("1: malloc", "expected the pointer that malloc returned, found the end of the line")]
    [InlineData("1: malloc 10 1", "expected the pointer that malloc returned, found '10'")]
    [InlineData("1: malloc 0x 1", "expected the pointer that malloc returned, found '0x'")]
    [InlineData("1: malloc 0x1g 1", "found '0x1g'")]
    [InlineData("1: malloc 0x11112222333344445 1", "found '0x11112222333344445'")]
    [InlineData("1: malloc 0x10", "expected a size in bytes, found the end of the line")]
    [InlineData("1: malloc 0x10 -1", "expected a size in bytes, found '-1'")]
    [InlineData("1: malloc 0x10 18446744073709551616", "expected a size in bytes, found '18446744073709551616'")]
    [InlineData("1: malloc 0x10 1 2", "expected no times, as on the first call, found '2'")]
    [InlineData("1: free", "expected the freed pointer, found the end of the line")]
    [InlineData("1: calloc 0x10 5", "expected the size of an element in bytes, found the end of the line")]
    [InlineData("1: realloc 0x10 8", "expected the pointer that realloc was given, found '8'")]
    [InlineData("1: memalign 0x10 16", "expected a size in bytes, found the end of the line")]
    [InlineData("1: thread_done", "expected 0x0 after thread_done, found the end of the line")]
    [InlineData("1: thread_done 0x1", "expected 0x0 after thread_done, found another pointer")]
    [InlineData("1: thread_done 0x0 17", "expected no time, as on the first call, found '17'")]
    public void A_bad_android_line_is_named(string line, string expected) =>
        AssertRefused("android", $"1: malloc 0x10 1\n{line}\n1: free 0x10\n", "in.txt: line 2: ", expected);

    [Theory]
    [InlineData("1: free 0x10", "expected START_NS END_NS, as on the first call, found the end of the line")]
    [InlineData("1: free 0x10 300", "expected END_NS after START_NS, found the end of the line")]
    [InlineData("1: free 0x10 300 x", "expected END_NS after START_NS, found 'x'")]
    [InlineData("1: free 0x10 x 300", "expected START_NS, found 'x'")]
    [InlineData("1: free 0x10 300 299", "expected END_NS at or after START_NS, 300, found 299")]
    [InlineData("1: free 0x10 300 9223372036854775808", "expected END_NS after START_NS, found '9223372036854775808'")]
    [InlineData("1: free 0x10 300 310 5", "expected the end of the line after the call, found '5'")]
    [InlineData("1: free 0x10 199 310", "expected a time at or after 200, where the thread's call before was, found 199")]
    [InlineData("1: thread_done 0x0 150", "expected a time at or after 200, where the thread's last call was, found 150")]
    [InlineData("1: thread_done 0x0 300 400", "expected the end of the line after thread_done, found '400'")]
    public void A_bad_time_is_named(string line, string expected) =>
        AssertRefused("android", $"1: malloc 0x10 1 100 200\n{line}\n", "in.txt: line 2: ", expected);

    /// <summary>The figures of the trace that the Android Open Source Project has as systemui; its README says the same.</summary>
    [Fact]
    public void A_real_android_trace_is_imported_whole()
    {
        ImportResult result = TraceImporter.Import("android", RealTrace(), Pack, cancellation: TestContext.Current.CancellationToken);

        Assert.Equal((786_454L, 393, 393), (result.Lines, result.Threads, result.ThreadIds));
        TraceStatistics statistics = Statistics(out MergeStatistics merge);
        Assert.Equal(
            (383_154L, 364_863L, 29_167L, 7_847L, 1_066L, 357L, 393L),
            (statistics.CountOf(CallKind.Malloc), statistics.CountOf(CallKind.Free), statistics.CountOf(CallKind.ReallocEnd),
                statistics.CountOf(CallKind.Calloc),
                statistics.CountOf(CallKind.Memalign), statistics.CountOf(CallKind.ThreadExit), statistics.CountOf(CallKind.ThreadStart)));
        Assert.Equal(786_454 + 29_167 + 393, statistics.Events);
        Assert.Equal(default, merge);
        AssertPackedAnew();
        TestContext.Current.TestOutputHelper!.WriteLine($"{result.Events} events, {result.Bytes} bytes, {(double)result.Bytes / result.Events:0.00} B/event");
    }
}
