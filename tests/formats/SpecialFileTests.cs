using AllocReplay.Formats;
using AllocReplay.Formats.Import;
using AllocReplay.Formats.Packed;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Formats;

/// <summary>A stranger's recording may have a pipe, a link or a very large file in the place of one of its own; and so may the place of an output.</summary>
public sealed class SpecialFileTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    /// <summary>By their place below the image's directory.</summary>
    public static TheoryData<string> FilesOfAnImage => ["process", "events", "tails", "marks", "memory", "maps", "cmdline", "../session.msgpack"];

    private string Recording => _directory["r.allocrec"];

    private string Session => Path.Combine(Recording, "session.msgpack");

    private string Pack => _directory["r.alloctrace"];

    public void Dispose() => _directory.Dispose();

    [Theory]
    [MemberData(nameof(FilesOfAnImage))]
    public void A_pipe_in_the_place_of_a_file_is_not_waited_for(string name)
    {
        string file = Path.Combine(Write(), name);
        Assert.Equal(4, EventsOf(Recording)); // the control
        File.Delete(file);
        NamedPipe.Create(file);

        AssertRefused("found a pipe");
    }

    [Theory]
    [MemberData(nameof(FilesOfAnImage))]
    public void A_link_in_the_place_of_a_file_is_not_followed(string name)
    {
        string file = Path.Combine(Write(), name);
        File.Move(file, _directory["elsewhere"]);
        File.CreateSymbolicLink(file, _directory["elsewhere"]);

        AssertRefused("found a link");
    }

    [Fact]
    public void A_session_without_end_or_of_gigabytes_is_not_read()
    {
        Write();
        using (FileStream sparse = File.OpenWrite(Session))
            sparse.SetLength(1L << 31);
        long before = GC.GetTotalAllocatedBytes(precise: true);
        AssertRefused("expected a session of at most");
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 1L << 30);
        File.Delete(Session);
        File.CreateSymbolicLink(Session, "/dev/zero");
        AssertRefused("found a link");
    }

    [Fact]
    public void A_trace_may_be_a_link_to_a_file_and_no_pipe_or_device()
    {
        Write();
        TracePacker.Pack(Recording, Pack, cancellation: TestContext.Current.CancellationToken);
        File.CreateSymbolicLink(_directory["link"], Pack);
        Assert.Equal(4, EventsOf(_directory["link"]));
        Assert.Contains("found a pipe", Refusal(NamedPipe.Create(_directory["pipe"])), StringComparison.Ordinal);
        Assert.Contains("found a device", Refusal("/dev/zero"), StringComparison.Ordinal);
        Assert.Contains("found a pipe", Assert.Throws<TraceFormatException>(() => TraceImporter.Import("android", _directory["pipe"], _directory["x"],
            cancellation: TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_is_no_file_is_never_replaced(bool replace)
    {
        Write();
        NamedPipe.Create(_directory["pipe"]);
        Directory.CreateDirectory(_directory["directory"]);
        File.WriteAllText(_directory["file"], "mine");
        File.CreateSymbolicLink(_directory["link"], _directory["file"]);
        File.CreateSymbolicLink(_directory["broken"], _directory["nothing"]);
        foreach (string name in new[] { "pipe", "directory", "link", "broken" })
        {
            Assert.Equal(WriteObstacle.NoFile, TraceNotWritableException.Foresee(_directory[name], replace)!.Obstacle);
            Assert.Equal(WriteObstacle.NoFile, Assert.Throws<TraceNotWritableException>(() => PackTo(name, replace)).Obstacle);
        }
        string[] left = ["broken", "directory", "file", "link", "pipe", "r.allocrec"];
        Assert.Equal(left, Files());
        Assert.Equal("mine", File.ReadAllText(_directory["link"]));
        if (!replace)
        {
            Assert.Equal(WriteObstacle.Exists, Assert.Throws<TraceNotWritableException>(() => PackTo("file", replace)).Obstacle);
            return;
        }
        PackTo("file", replace); // the control
        Assert.Equal(4, EventsOf(_directory["file"]));
    }

    [Fact]
    public void A_file_that_appears_meanwhile_is_kept_unless_it_may_be_replaced()
    {
        foreach (bool replace in new[] { true, false })
        {
            using var writer = new PackWriter(Pack, replace);
            File.WriteAllText(Pack, "mine");
            if (replace)
                writer.Complete();
            else
                Assert.Equal(WriteObstacle.Exists, Assert.Throws<TraceNotWritableException>(writer.Complete).Obstacle);
            Assert.Equal(replace, File.ReadAllText(Pack) != "mine");
            File.Delete(Pack);
        }
        Assert.Empty(Files());
    }

    [Fact]
    public void What_cannot_be_written_is_named_as_it_was_asked_for()
    {
        Write();
        string output = _directory["none/x.alloctrace"];
        var refusal = Assert.Throws<TraceNotWritableException>(() => PackTo("none/x.alloctrace", replace: false));
        Assert.Equal((WriteObstacle.System, $"{output}: cannot be written: there is no such directory"), (refusal.Obstacle, refusal.Message));
        File.Delete(Session);
        Directory.CreateDirectory(Session); // no file can take its name
        refusal = Assert.Throws<TraceNotWritableException>(() => new SessionInfo().Save(Recording));
        Assert.StartsWith($"{Session}: cannot be written: ", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(".tmp", refusal.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Recording));
        Directory.Delete(Session);
    }

    [Fact]
    public void A_recording_is_told_from_other_directories()
    {
        string image = Write();
        Assert.True(Trace.IsRecording(Recording) && Trace.IsRecording(image));
        Assert.Equal(Recording, Trace.RecordingAround(Path.Combine(Recording, "x")));
        Assert.Equal(image, Trace.RecordingAround(Path.Combine(image, "x")));
        File.Delete(Session);
        Assert.True(Trace.IsRecording(Recording)); // by hand, without a session
        Assert.Null(Trace.RecordingAround(Recording));
        Directory.CreateDirectory(_directory["mine/sub"]);
        File.WriteAllText(_directory["mine/process"], "a program of that name");
        File.WriteAllText(_directory["mine/sub/process"], "a program of that name");
        Assert.False(Trace.IsRecording(_directory["mine"]) || Trace.IsRecording(_directory["none"]));
    }

    private string Write()
    {
        var writer = new RecordingWriter(Recording) { CommandLine = "x\0", Maps = "" };
        writer.Thread(0).Malloc(10, 0x1000, 8).Malloc(20, 0x2000, 8).Flush().Malloc(30, 0x3000, 8).Malloc(40, 0x4000, 8);
        writer.Mark(1, 1, 0).Memory(10, resident: 4096);
        writer.Save();
        new SessionInfo { Command = ["x"] }.Save(Recording);
        return writer.ImageDirectory;
    }

    private void AssertRefused(string words)
    {
        Assert.Contains(words, Refusal(Recording), StringComparison.Ordinal);
        Assert.Throws<TraceFormatException>(() => PackTo("r.alloctrace", replace: true));
        Assert.False(File.Exists(Pack));
    }

    private static string Refusal(string trace) => Assert.Throws<TraceFormatException>(() => EventsOf(trace)).Message;

    private void PackTo(string name, bool replace) =>
        TracePacker.Pack(Recording, _directory[name], replace: replace, cancellation: TestContext.Current.CancellationToken);

    private string[] Files() => [.. Directory.GetFileSystemEntries(_directory.Path).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    private static int EventsOf(string trace)
    {
        using TraceReader reader = TraceReader.Open(trace);
        int events = 0;
        while (reader.Read(out _))
            events++;
        return events;
    }
}
