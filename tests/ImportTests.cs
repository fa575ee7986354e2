using System.IO.Compression;
using System.Text;
using System.Text.Json;
using AllocReplay.Formats;
using AllocReplay.Formats.Import;
using AllocReplay.Formats.Packed;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests;

/// <summary>Traces of other tools become packed traces, each line the events that it stands for; a line that is none is named.</summary>
public sealed class ImportTests : IDisposable
{
    private const int Seed = 20261;
    private const string RealTrace = "ALLOCREPLAY_ANDROID_TRACE";

    private readonly TemporaryDirectory _directory = new();

    private string Pack => _directory["out.alloctrace"];

    public void Dispose() => _directory.Dispose();

    // Android

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
        Assert.Equal(("import:android", "in.txt", "", 0U, false), (reader.Process.Source, reader.Process.Executable, reader.Process.AllocatorPath, reader.Process.Pid, reader.Process.Latency));
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

    // Malloc lab

    [Fact]
    public void Malloc_lab_operations_are_calls_of_one_thread_on_addresses_of_their_own()
    {
        ImportResult result = Import("malloclab", "20000\n3\n8\n1\na 0 512\na 1 0\nr 0 640\nf 1\nf -1\nr 2 16\nr 0 0\na 1 5\n");

        Assert.Equal((12L, 1, 1), (result.Lines, result.Threads, result.ThreadIds));
        Assert.Equal(
            [
                "5000 t0 thread_start",
                "5000 t0 malloc 0x10000 512",
                "6000 t0 malloc 0x10210 0",
                "7000 t0 realloc.begin 0x10000 640",
                "7500 t0 realloc.end 0x10220 640 was 0",
                "8000 t0 free 0x10210 0",
                "9000 t0 free null 0",
                "10000 t0 realloc.begin null 16",
                "10500 t0 realloc.end 0x104b0 16",
                "11000 t0 realloc.begin 0x10220 0",
                "11500 t0 realloc.end null 0 was 2",
                "12000 t0 malloc 0x104d0 5",
            ],
            Events());
        TraceStatistics statistics = Statistics(out MergeStatistics merge);
        Assert.Equal(2, statistics.LiveBlocks);
        Assert.Equal(default, merge);
    }

    [Theory]
    [InlineData("", "line 1: expected the suggested heap size in bytes, found the end of the file")]
    [InlineData("x\n", "line 1: expected the suggested heap size in bytes, found 'x'")]
    [InlineData("1\n2 3\n", "line 2: expected the end of the line after the number of ids, found '3'")]
    [InlineData("1\n2\n", "line 3: expected the number of operations, found the end of the file")]
    [InlineData("1\n2\n2\n1\na 0 1\n", "line 3: expected as many operations as this line says, 2, found 1")]
    [InlineData("1\n2\n1\n1\na 0 1\nf 0\n", "line 6: expected the end of the file after 1 operations, the number that line 3 says, found another")]
    [InlineData("1\n2\n1\n1\nm 0 1\n", "line 5: expected a ID SIZE, r ID SIZE or f ID, found 'm 0 1'")]
    [InlineData("1\n2\n1\n1\na 2 1\n", "line 5: expected an id below 2, the number that line 2 says, found '2'")]
    [InlineData("1\n2\n1\n1\na -1 1\n", "line 5: expected an id below 2, the number that line 2 says, found '-1'")]
    [InlineData("1\n2\n1\n1\na 0\n", "line 5: expected a size in bytes, found the end of the line")]
    [InlineData("1\n2\n1\n1\na 0 1 1\n", "line 5: expected the end of the line after the size, found '1'")]
    [InlineData("1\n2\n1\n1\nf 0\n", "line 5: expected the id of a block, found 0, which never had one")]
    [InlineData("1\n2\n2\n1\na 0 1\na 0 2\n", "line 6: expected an id without a block, found 0, whose block is not freed")]
    [InlineData("1\n2\n3\n1\na 0 1\nf 0\nf 0\n", "line 7: expected the id of a block, found 0, whose block is freed already")]
    [InlineData("1\n2\n3\n1\na 0 1\nf 0\nr 0 3\n", "line 7: expected the id of a block, found 0, whose block is freed")]
    [InlineData("1\n2\n1\n1\na 0 9223372036854775807\n", "line 5: expected sizes of less than 8 EiB in all, found 9223372036854775807 more")]
    [InlineData("1\n2\n0\n1\n", "expected calls, found none in 4 lines")]
    public void A_bad_malloc_lab_line_is_named(string text, string expected) => AssertRefused("malloclab", text, "in.txt: ", expected);

    // Files

    [Fact]
    public void A_zip_archive_of_one_text_is_read_in_place()
    {
        Zip(("folder/", ""), ("folder/trace.txt", "1: malloc 0x10 1\n"));
        TraceImporter.Import("android", _directory["in.zip"], Pack, cancellation: TestContext.Current.CancellationToken);

        Assert.Equal(["1000 t0 thread_start", "1000 t0 malloc 0x10 1"], Events());
        using TraceReader reader = TraceReader.Open(Pack);
        Assert.Equal("trace.txt", reader.Process.Executable);
    }

    [Fact]
    public void A_zip_archive_of_none_or_several_texts_is_refused()
    {
        Zip();
        Assert.Contains("found 0 files in it", Refusal("in.zip"), StringComparison.Ordinal);
        File.Delete(_directory["in.zip"]);
        Zip(("a", "1: malloc 0x10 1\n"), ("b", ""));
        Assert.Contains("expected an archive of one file, found 2 files in it", Refusal("in.zip"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(60, 0)]  // within the compressed data
    [InlineData(-10, 0)] // within the directory
    [InlineData(100, 3)] // changed, not cut
    public void A_damaged_zip_archive_is_refused(int at, int flip)
    {
        Zip(("trace.txt", string.Concat(Enumerable.Range(0, 1000).Select(i => $"{i * 7919 % 97}: malloc 0x{i * 104729:x} {i}\n"))));
        byte[] bytes = File.ReadAllBytes(_directory["in.zip"]);
        at = at < 0 ? bytes.Length + at : at;
        for (int i = 0; i < 20 && flip > 0; i++)
            bytes[at + i] ^= 0xff;
        File.WriteAllBytes(_directory["in.zip"], flip > 0 ? bytes : bytes[..at]);
        Assert.StartsWith(_directory["in.zip"] + ": ", Refusal("in.zip"), StringComparison.Ordinal);
        Assert.Equal(["in.zip"], Files());
    }

    [Fact]
    public void A_file_that_is_no_text_or_has_no_calls_is_refused()
    {
        File.WriteAllBytes(_directory["in.txt"], new byte[1_000_000]);
        Assert.Contains("line 1: expected a line of at most 4096 bytes, found a longer one", Refusal("in.txt"), StringComparison.Ordinal);
        File.WriteAllText(_directory["in.txt"], "\n\n");
        Assert.Contains("expected calls, found none in 2 lines", Refusal("in.txt"), StringComparison.Ordinal);
        Assert.Contains("there is no such file", Refusal("none.txt"), StringComparison.Ordinal);
        Directory.CreateDirectory(_directory["folder"]);
        Assert.Contains("expected a file, found a directory", Refusal("folder"), StringComparison.Ordinal);
        Assert.False(File.Exists(Pack));
    }

    // Packing

    /// <summary>With room for few events, threads write what they have again and again, and every stream is still whole and in order.</summary>
    [Theory]
    [InlineData(32)]
    [InlineData(256)]
    [InlineData(ImportWriter.RoomMax)]
    public void However_little_room_there_is_every_thread_keeps_its_events(int room)
    {
        const int threads = 50, lines = 20_000;
        var random = new Random(Seed);
        var expected = new List<ulong>[threads];
        var text = new StringBuilder();
        for (ulong i = 1; i <= lines; i++)
        {
            int thread = (int)(threads * Math.Pow(random.NextDouble(), 3)); // some busy, some not
            (expected[thread] ??= []).Add(i);
            text.Append(thread).Append(": malloc 0x").Append(i.ToString("x")).Append(" 1\n");
        }
        using (var pack = new PackWriter(Pack))
        {
            var writer = new ImportWriter(pack, room);
            AndroidTrace.Read(new LineReader(new MemoryStream(Encoding.ASCII.GetBytes(text.ToString())), "text"), writer);
            writer.End();
            pack.WriteImageBefore(TraceImporter.Describe("android", "text", writer));
            pack.WriteImageEnd(0, new ImageEnd { Events = writer.Events, Damage = null });
            pack.Complete();
        }
        using TraceReader reader = TraceReader.Open(Pack);
        for (int i = 0; i < reader.Threads.Count; i++)
            Assert.True(expected[reader.Threads[i].OsTid].SequenceEqual(reader.ReadThread(i).Skip(1).Select(e => e.Address)), $"thread {i}, seed {Seed}");
        Assert.Equal(lines, Statistics(out _).Acquisitions);
    }

    [Fact]
    public void What_a_cut_off_import_still_has_is_its_beginning()
    {
        // Thread 1 is done at once, but its block waits for the end of the input.
        IEnumerable<string> busy = Enumerable.Range(1, 200_000).Select(i => $"2: malloc 0x{i * 16:x} {i % 100}");
        Android(["1: malloc 0x8 5", .. busy]);
        byte[] bytes = File.ReadAllBytes(Pack);
        File.WriteAllBytes(Pack, bytes[..(bytes.Length / 2)]);

        using TraceReader reader = TraceReader.Open(Pack);
        Assert.NotNull(reader.Damage);
        Assert.Equal([0UL, 5UL], reader.ReadThread(0).Select(e => e.Size));
        Assert.InRange(reader.ReadThread(1).Count(), 65_536, 150_000);
    }

    [Fact]
    public void Packed_anew_an_import_has_the_same_events()
    {
        Android("1: malloc 0x10 1 5 9", "2: free 0x10 11 12", "1: realloc 0x20 0x0 7 13 15", "2: thread_done 0x0 20");
        AssertPackedAnew();
    }

    // The command

    [Fact]
    public void The_command_writes_the_trace_beside_the_caller_and_says_what_is_in_it()
    {
        File.WriteAllText(_directory["my.trace.txt"], "1: malloc 0x10 1\n1: free 0x10\n1: free 0x99\n");
        ProgramResult result = Shell("import --from android my.trace.txt");

        Assert.Equal(0, result.ExitCode);
        Assert.Contains("1 frees of blocks never seen allocated", result.Output, StringComparison.Ordinal);
        Assert.Contains("Wrote my.trace.alloctrace: 4 events", result.Error, StringComparison.Ordinal);
        Assert.Contains("Next: allocreplay info my.trace.alloctrace", result.Error, StringComparison.Ordinal);
        Assert.Equal(["my.trace.alloctrace", "my.trace.txt"], Files());

        ProgramResult info = Shell("info my.trace.alloctrace");
        Assert.Equal(0, info.ExitCode);
        Assert.Contains("import:android", info.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("allocator", info.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("1970", info.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_command_reads_standard_input_and_prints_json()
    {
        File.WriteAllText(_directory["in"], "100\n1\n2\n1\na 0 5\nf 0\n");
        ProgramResult result = Shell("import --from malloclab - -o out.alloctrace --json < in");

        Assert.Equal(0, result.ExitCode);
        JsonElement json = JsonDocument.Parse(result.Output).RootElement;
        Assert.Equal((6L, 3L, 1L, 1L), (json.GetProperty("lines").GetInt64(), json.GetProperty("events").GetInt64(), json.GetProperty("calls_by_kind").GetProperty("free").GetInt64(), json.GetProperty("threads").GetInt64()));
        Assert.Equal(3, TraceEvents().Count);
    }

    [Fact]
    public void A_file_that_is_already_there_is_kept_unless_forced()
    {
        File.WriteAllText(_directory["in.txt"], "1: malloc 0x10 1\n");
        File.WriteAllText(Pack, "mine");
        AssertFails(2, "there is a file of that name; --force replaces it", "import --from android in.txt -o out.alloctrace");
        File.WriteAllText(_directory["bad.txt"], "1: mallox\n");
        AssertFails(3, "bad.txt: line 1: expected malloc", "import --from android bad.txt -o out.alloctrace --force");
        Assert.Equal("mine", File.ReadAllText(Pack));
        AssertFails(2, "that is the file to import", "import --from android in.txt -o ./in.txt --force");
        Assert.Equal(["bad.txt", "in.txt", "out.alloctrace"], Files());
        Assert.Equal(0, Shell("import --from android in.txt -o out.alloctrace --force").ExitCode);
        Assert.Equal(2, TraceEvents().Count);
    }

    [Fact]
    public void Usage_errors_of_the_command_exit_with_2_and_name_what_is_known()
    {
        ProgramResult unknown = Shell("import --from heaptrack in.txt");
        Assert.Equal(2, unknown.ExitCode);
        Assert.Contains("'android'", unknown.Error, StringComparison.Ordinal);
        Assert.Contains("'malloclab'", unknown.Error, StringComparison.Ordinal);
        Assert.Equal(2, Shell("import in.txt").ExitCode);
        AssertFails(2, "standard input has no name: -o FILE", "import --from android -");
    }

    [Fact]
    public void An_imported_trace_is_replayed_and_analyzed()
    {
        Android("1: malloc 0x10 100", "2: free 0x10", "2: memalign 0x40 64 10", "1: realloc 0x90 0x40 20", "1: thread_done 0x0", "2: free 0x90");

        ProgramResult replay = Shell("replay out.alloctrace --allocator glibc");
        Assert.Equal((0, ""), (replay.ExitCode, replay.ExitCode == 0 ? "" : replay.Error));
        Assert.Contains("5 calls on 2 threads", replay.Output, StringComparison.Ordinal);
        Assert.Equal(0, Shell("analyze out.alloctrace -o ds").ExitCode);
        ProgramResult query = Shell("query ds --json \"SELECT count(*) AS n FROM allocations\"");
        Assert.Contains("3", query.Output, StringComparison.Ordinal);
    }

    /// <summary>The figures of the trace that the Android Open Source Project has as systemui; its README says the same.</summary>
    [Fact]
    public void A_real_android_trace_is_imported_whole()
    {
        string? path = Environment.GetEnvironmentVariable(RealTrace);
        Assert.SkipWhen(path is null, $"{RealTrace} does not name AOSP's memory_replay/traces/systemui.zip");
        ImportResult result = TraceImporter.Import("android", path!, Pack, cancellation: TestContext.Current.CancellationToken);

        Assert.Equal((786_454L, 393, 393), (result.Lines, result.Threads, result.ThreadIds));
        TraceStatistics statistics = Statistics(out MergeStatistics merge);
        Assert.Equal(
            (383_154L, 364_863L, 29_167L, 7_847L, 1_066L, 357L, 393L),
            (statistics.CountOf(CallKind.Malloc), statistics.CountOf(CallKind.Free), statistics.CountOf(CallKind.ReallocEnd), statistics.CountOf(CallKind.Calloc),
                statistics.CountOf(CallKind.Memalign), statistics.CountOf(CallKind.ThreadExit), statistics.CountOf(CallKind.ThreadStart)));
        Assert.Equal(786_454 + 29_167 + 393, statistics.Events);
        Assert.Equal(default, merge);
        AssertPackedAnew();
        TestContext.Current.TestOutputHelper!.WriteLine($"{result.Events} events, {result.Bytes} bytes, {(double)result.Bytes / result.Events:0.00} B/event");
    }

    private ImportResult Android(params IEnumerable<string> lines) => Import("android", string.Join('\n', lines) + "\n");

    private ImportResult Import(string format, string text)
    {
        File.WriteAllText(_directory["in.txt"], text);
        return TraceImporter.Import(format, _directory["in.txt"], Pack);
    }

    private void AssertRefused(string format, string text, params string[] expected)
    {
        TraceFormatException error = Assert.Throws<TraceFormatException>(() => Import(format, text));
        Assert.All(expected, e => Assert.Contains(e, error.Message, StringComparison.Ordinal));
        Assert.DoesNotContain('\u001b', error.Message);
        Assert.DoesNotContain('\n', error.Message);
        Assert.Equal(["in.txt"], Files());
    }

    private string Refusal(string name) =>
        Assert.Throws<TraceFormatException>(() => TraceImporter.Import("android", _directory[name], Pack, cancellation: TestContext.Current.CancellationToken)).Message;

    /// <summary>Compares the merged events with those of the trace that the packer makes of it.</summary>
    private void AssertPackedAnew()
    {
        TracePacker.Pack(Pack, _directory["anew.alloctrace"], cancellation: TestContext.Current.CancellationToken);
        using TraceReader one = TraceReader.Open(Pack), other = TraceReader.Open(_directory["anew.alloctrace"]);
        while (one.Read(out TraceEvent e))
        {
            Assert.True(other.Read(out TraceEvent f));
            Assert.Equal(e, f);
        }
        Assert.False(other.Read(out _));
    }

    private TraceStatistics Statistics(out MergeStatistics merge)
    {
        using TraceReader reader = TraceReader.Open(Pack);
        TraceStatistics statistics = TraceStatistics.Of(reader);
        Assert.Null(reader.Damage);
        merge = reader.Merge with { Parks = 0, ForcedSteps = 0 };
        return statistics;
    }

    private List<TraceEvent> TraceEvents()
    {
        using TraceReader reader = TraceReader.Open(Pack);
        var events = new List<TraceEvent>();
        while (reader.Read(out TraceEvent e))
            events.Add(e);
        Assert.Null(reader.Damage);
        return events;
    }

    private List<string> Events() => TraceEvents().ConvertAll(Describe);

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

    private void Zip(params (string Name, string Text)[] entries)
    {
        using ZipArchive archive = ZipFile.Open(_directory["in.zip"], ZipArchiveMode.Create);
        foreach ((string name, string text) in entries)
        {
            using Stream stream = archive.CreateEntry(name).Open();
            stream.Write(Encoding.ASCII.GetBytes(text));
        }
    }

    private string[] Files() => [.. Directory.GetFiles(_directory.Path).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    private ProgramResult Shell(string arguments) => Programs.Run(
        "sh", ["-c", $"cd '{_directory.Path}' && dotnet '{Path.Combine(AppContext.BaseDirectory, "allocreplay.dll")}' {arguments}"]);

    private void AssertFails(int exitCode, string expected, string arguments)
    {
        ProgramResult result = Shell(arguments);
        string[] complaints = [.. result.Error.Split('\n').Where(l => l.StartsWith("allocreplay: ", StringComparison.Ordinal))];
        Assert.Equal((exitCode, 1), (result.ExitCode, complaints.Length));
        Assert.Contains(expected, complaints[0], StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", result.Error, StringComparison.Ordinal);
    }
}
