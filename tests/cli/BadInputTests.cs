using AllocReplay.Formats;
using AllocReplay.Formats.Statistics;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary>Bad input gives one clear line and the documented exit code, never a stack trace.</summary>
[StartsProcesses]
public sealed class BadInputTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_missing_file() => AssertLine(3, "no such trace", "info", _directory["none.allocrec"]);

    [Fact]
    public void A_text_file_named_as_a_trace()
    {
        File.WriteAllText(_directory["text.allocrec"], "hello\n");
        AssertLine(3, "found a file that is neither", "info", _directory["text.allocrec"]);
    }

    [Fact]
    public void A_directory_that_is_no_recording() => AssertLine(3, "found a directory without one", "dump", _directory.Path);

    [Fact]
    public void A_header_that_is_not_one()
    {
        Directory.CreateDirectory(_directory["p1.0"]);
        File.WriteAllText(Path.Combine(_directory["p1.0"], "process"), new string('x', 5000));
        AssertLine(3, "at byte 0: expected the header", "info", _directory.Path);
    }

    [Fact]
    public void A_recording_of_a_newer_major_version()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Malloc(10, 0x1000, 8);
        writer.Save(versionMajor: 2);
        AssertLine(3, "format version 2 is newer", "info", _directory.Path);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(64)]
    [InlineData(70)]
    public void A_truncated_log_is_read_up_to_the_cut(int keepOfSecondChunk)
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Malloc(10, 0x1000, 8).Malloc(20, 0x2000, 8).Flush().Malloc(30, 0x3000, 8).Malloc(40, 0x4000, 8).Malloc(50, 0x5000, 8).Flush();
        writer.Save();
        string events = Path.Combine(writer.ImageDirectory, "events");
        byte[] whole = File.ReadAllBytes(events);
        int first = 64 + BitConverter.ToInt32(whole, 12);
        File.WriteAllBytes(events, whole[..(first + keepOfSecondChunk)]);

        ProgramResult info = AssertLine(3, $"at byte {first}: expected a whole chunk, found the end of the file", "info", "--json", _directory.Path);
        Assert.Contains("\"acquisitions\": 2", info.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_chunk_cut_short_by_a_kill_is_taken_from_its_tail()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Malloc(10, 0x1000, 8).Malloc(20, 0x2000, 8).Flush().Malloc(30, 0x3000, 8);
        writer.Save();
        byte[] tail = writer.Thread(0).Tail();
        File.WriteAllBytes(Path.Combine(writer.ImageDirectory, "events"), [.. File.ReadAllBytes(Path.Combine(writer.ImageDirectory, "events")), .. tail[..^1]]);

        using TraceReader reader = TraceReader.Open(_directory.Path);
        Assert.Equal(3, TraceStatistics.Of(reader).Acquisitions);
        Assert.Null(reader.Damage);
    }

    /// <summary>A kill or a full disk cuts a write short, and another thread appends after the short chunk.</summary>
    [Theory]
    [InlineData(2)]   // within the magic
    [InlineData(10)]  // before the sequence number
    [InlineData(14)]  // within the length
    [InlineData(64)]  // only the header
    [InlineData(100)] // in mid-event: the claimed range runs over the next chunk
    [InlineData(-1)]  // all but the last byte
    public void A_short_chunk_in_the_middle_is_taken_from_its_tail(int keep)
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Malloc(10, 0x1000, 8).Flush();
        writer.Thread(1).Malloc(15, 0x9000, 8).Flush();
        for (int i = 0; i < 100; i++)
            writer.Thread(0).Malloc(30 + 10 * i, 0x10000 + 64 * (ulong)i, (ulong)i);
        writer.Thread(1).Malloc(40, 0xa000, 8).Flush().Malloc(50, 0xb000, 8);
        writer.Save();
        byte[] tail = writer.Thread(0).Tail();
        byte[][] chunks = [writer.Thread(0).Flushed[0], writer.Thread(1).Flushed[0], keep < 0 ? tail[..^1] : tail[..keep], writer.Thread(1).Flushed[1]];
        File.WriteAllBytes(Path.Combine(writer.ImageDirectory, "events"), [.. chunks.SelectMany(c => c)]);

        using TraceReader reader = TraceReader.Open(_directory.Path);
        Assert.Equal(1 + 100 + 3, TraceStatistics.Of(reader).Acquisitions);
        Assert.Null(reader.Damage);
    }

    [Fact]
    public void A_short_chunk_whose_claimed_range_ends_where_a_chunk_ends_is_taken_from_its_tail()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(1).Malloc(15, 0x9000, 8).Flush();
        for (int i = 0; i < 100; i++)
            writer.Thread(0).Malloc(30 + 10 * i, 0x10000 + 64 * (ulong)i, (ulong)i);
        writer.Save();
        byte[] tail = writer.Thread(0).Tail(), other = writer.Thread(1).Flushed[0];
        File.WriteAllBytes(Path.Combine(writer.ImageDirectory, "events"), [.. tail[..^other.Length], .. other]);

        using TraceReader reader = TraceReader.Open(_directory.Path);
        Assert.Equal(101, TraceStatistics.Of(reader).Acquisitions);
        Assert.Null(reader.Damage);
    }

    [Fact]
    public void A_short_chunk_that_no_tail_holds_is_damage()
    {
        var writer = new RecordingWriter(_directory.Path);
        for (int i = 0; i < 100; i++)
            writer.Thread(0).Malloc(30 + 10 * i, 0x10000 + 64 * (ulong)i, (ulong)i);
        writer.Thread(0).Flush();
        writer.Thread(1).Malloc(15, 0x9000, 8).Flush();
        writer.Save();
        byte[] cut = writer.Thread(0).Flushed[0];
        File.WriteAllBytes(Path.Combine(writer.ImageDirectory, "events"), [.. cut[..100], .. writer.Thread(1).Flushed[0]]);

        using TraceReader reader = TraceReader.Open(_directory.Path);
        Assert.NotNull(reader.Damage);
    }

    [Fact]
    public void An_event_kind_that_is_none()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Malloc(10, 0x1000, 8).Bytes(0x03, 0x3f);
        writer.Save();
        AssertLine(3, "expected an event kind, found 63", "info", _directory.Path);
    }

    [Fact]
    public void A_lost_chunk_is_named()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Malloc(10, 0x1000, 8).Flush().Malloc(20, 0x2000, 8).Flush().Malloc(30, 0x3000, 8);
        writer.Thread(0).Flushed.RemoveAt(0);
        writer.Save();
        AssertLine(3, "expected chunk 0 of thread 0, found chunk 1", "info", _directory.Path);
    }

    [Fact]
    public void A_statically_linked_program_is_refused_before_it_runs()
    {
        string program = Targets.Build("kill.c", "-static");
        AssertLine(125, "nothing can be recorded: it is statically linked", "record", "-o", _directory["r"], "--", program);
        Assert.False(Directory.Exists(_directory["r"]));
    }

    [Fact]
    public void A_command_that_is_not_there_or_cannot_be_run()
    {
        AssertLine(127, "no-such-command: command not found", "record", "-o", _directory["r"], "--", "no-such-command");
        File.WriteAllText(_directory["plain"], "");
        AssertLine(126, "not executable", "record", "-o", _directory["r"], "--", _directory["plain"]);
    }

    [Fact]
    public void A_recording_that_is_already_there_is_kept()
    {
        Directory.CreateDirectory(_directory["r"]);
        File.WriteAllText(_directory["r/mine"], "");
        AssertLine(125, "already there", "record", "-o", _directory["r"], "--", "true");
        AssertLine(125, "not a recording; it is not replaced", "record", "-o", _directory["r"], "--force", "--", "true");
        Assert.True(File.Exists(_directory["r/mine"]));
    }

    [Theory]
    [InlineData("frobnicate")]
    [InlineData("info")]
    [InlineData("info", "x", "--no-such-option")]
    [InlineData("dump", "x", "--limit", "many")]
    public void Usage_errors_exit_with_2(params string[] arguments)
    {
        ProgramResult result = Programs.AllocReplay(arguments);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("Try 'allocreplay", result.Error, StringComparison.Ordinal);
        Assert.Empty(result.Output);
    }

    private static ProgramResult AssertLine(int exitCode, string expected, params string[] arguments)
    {
        ProgramResult result = Programs.AllocReplay(arguments);
        string[] complaints = result.Error.Split('\n').Where(l => l.StartsWith("allocreplay: ", StringComparison.Ordinal)).ToArray();
        Assert.Equal((exitCode, 1), (result.ExitCode, complaints.Length));
        Assert.Contains(expected, complaints[0], StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", result.Error, StringComparison.Ordinal);
        return result;
    }
}
