using System.IO.Compression;
using System.Text;
using System.Text.Json;
using AllocReplay.Formats;
using AllocReplay.Formats.Import;
using AllocReplay.Formats.Packed;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary>Where imports come from, how they are packed, and the command.</summary>
public sealed class ImportTests : ImportFixture
{
    private const int Seed = 20261;

    // Files

    [Fact]
    public void A_zip_archive_of_one_text_is_read_in_place()
    {
        Zip(("folder/", ""), ("folder/trace.txt", "1: malloc 0x10 1\n"));
        TraceImporter.Import("android", Work["in.zip"], Pack, cancellation: TestContext.Current.CancellationToken);

        Assert.Equal(["1000 t0 thread_start", "1000 t0 malloc 0x10 1"], Events());
        using TraceReader reader = TraceReader.Open(Pack);
        Assert.Equal("trace.txt", reader.Process.Executable);
    }

    [Fact]
    public void A_zip_archive_of_none_or_several_texts_is_refused()
    {
        Zip();
        Assert.Contains("found 0 files in it", Refusal("in.zip"), StringComparison.Ordinal);
        File.Delete(Work["in.zip"]);
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
        byte[] bytes = File.ReadAllBytes(Work["in.zip"]);
        at = at < 0 ? bytes.Length + at : at;
        for (int i = 0; i < 20 && flip > 0; i++)
            bytes[at + i] ^= 0xff;
        File.WriteAllBytes(Work["in.zip"], flip > 0 ? bytes : bytes[..at]);
        Assert.StartsWith(Work["in.zip"] + ": ", Refusal("in.zip"), StringComparison.Ordinal);
        Assert.Equal(["in.zip"], Files());
    }

    [Fact]
    public void A_file_that_is_no_text_or_has_no_calls_is_refused()
    {
        File.WriteAllBytes(Work["in.txt"], new byte[1_000_000]);
        Assert.Contains("line 1: expected a line of at most 4096 bytes, found a longer one", Refusal("in.txt"), StringComparison.Ordinal);
        File.WriteAllText(Work["in.txt"], "\n\n");
        Assert.Contains("expected calls, found none in 2 lines", Refusal("in.txt"), StringComparison.Ordinal);
        Assert.Contains("there is no such file", Refusal("none.txt"), StringComparison.Ordinal);
        Directory.CreateDirectory(Work["folder"]);
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
    [StartsProcesses]
    public void The_command_writes_the_trace_beside_the_caller_and_says_what_is_in_it()
    {
        File.WriteAllText(Work["my.trace.txt"], "1: malloc 0x10 1\n1: free 0x10\n1: free 0x99\n");
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
    [StartsProcesses]
    public void The_command_reads_standard_input_and_prints_json()
    {
        File.WriteAllText(Work["in"], "100\n1\n2\n1\na 0 5\nf 0\n");
        ProgramResult result = Shell("import --from malloclab - -o out.alloctrace --json < in");

        Assert.Equal(0, result.ExitCode);
        JsonElement json = JsonDocument.Parse(result.Output).RootElement;
        Assert.Equal((6L, 3L, 1L, 1L), (json.GetProperty("lines").GetInt64(), json.GetProperty("trace").GetProperty("events").GetInt64(),
            json.GetProperty("trace").GetProperty("calls_by_kind").GetProperty("free").GetInt64(),
            (long)json.GetProperty("trace").GetProperty("threads").GetArrayLength()));
        Assert.Equal(3, TraceEvents().Count);
    }

    [Fact]
    [StartsProcesses]
    public void A_file_that_is_already_there_is_kept_unless_forced()
    {
        File.WriteAllText(Work["in.txt"], "1: malloc 0x10 1\n");
        File.WriteAllText(Pack, "mine");
        AssertFails(2, "out.alloctrace: already there; choose another name, or replace it with --force", "import --from android in.txt -o out.alloctrace");
        File.WriteAllText(Work["bad.txt"], "1: mallox\n");
        AssertFails(3, "bad.txt: line 1: expected malloc", "import --from android bad.txt -o out.alloctrace --force");
        Assert.Equal("mine", File.ReadAllText(Pack));
        AssertFails(2, "that is the file to import", "import --from android in.txt -o ./in.txt --force");
        Assert.Equal(["bad.txt", "in.txt", "out.alloctrace"], Files());
        Assert.Equal(0, Shell("import --from android in.txt -o out.alloctrace --force").ExitCode);
        Assert.Equal(2, TraceEvents().Count);
    }

    [Fact]
    [StartsProcesses]
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
    [StartsProcesses]
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




    private string Refusal(string name) =>
        Assert.Throws<TraceFormatException>(() => TraceImporter.Import("android", Work[name], Pack,
            cancellation: TestContext.Current.CancellationToken)).Message;






    private void Zip(params (string Name, string Text)[] entries)
    {
        using ZipArchive archive = ZipFile.Open(Work["in.zip"], ZipArchiveMode.Create);
        foreach ((string name, string text) in entries)
        {
            using Stream stream = archive.CreateEntry(name).Open();
            stream.Write(Encoding.ASCII.GetBytes(text));
        }
    }


    private ProgramResult Shell(string arguments) => Programs.Run(
        "sh", ["-c", $"cd '{Work.Path}' && dotnet '{Path.Combine(AppContext.BaseDirectory, "allocreplay.dll")}' {arguments}"]);

    private void AssertFails(int exitCode, string expected, string arguments)
    {
        ProgramResult result = Shell(arguments);
        string[] complaints = [.. result.Error.Split('\n').Where(l => l.StartsWith("allocreplay: ", StringComparison.Ordinal))];
        Assert.Equal((exitCode, 1), (result.ExitCode, complaints.Length));
        Assert.Contains(expected, complaints[0], StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", result.Error, StringComparison.Ordinal);
    }
}
