using AllocReplay.Formats;
using AllocReplay.Formats.Packed;
using AllocReplay.Formats.Statistics;
using AllocReplay.Tests.Support;
using Xunit.Sdk;

namespace AllocReplay.Tests.Formats;

/// <summary><c>pack</c> and <c>record -o FILE.alloctrace</c>, and the comparison that every recording of the tests goes through.</summary>
[StartsProcesses]
public sealed class PackTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private string Recording => _directory["r.allocrec"];

    private string Pack => _directory["r.alloctrace"];

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_file_that_cannot_be_written_is_named_as_it_was_asked_for()
    {
        Directory.CreateDirectory(_directory["r2.allocrec"]);
        SampleTrace.Write(_directory["r2.allocrec"]);
        string file = _directory["nowhere/t.alloctrace"];
        IOException failure = Assert.ThrowsAny<IOException>(() =>
            TracePacker.Pack(_directory["r2.allocrec"], file, cancellation: TestContext.Current.CancellationToken));
        Assert.Contains(file, failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(".tmp", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pack_is_dumped_as_its_recording_is()
    {
        Record();
        Assert.Equal(0, Programs.AllocReplay("pack", Recording, "-o", Pack).ExitCode);
        foreach (string[] form in new[] { Array.Empty<string>(), ["--json"] })
        {
            string expected = Programs.AllocReplay(["dump", Recording, .. form]).Output;
            Assert.InRange(expected.Length, 100_000, int.MaxValue);
            Assert.Equal(expected, Programs.AllocReplay(["dump", Pack, .. form]).Output);
        }
    }

    [Theory] // the control of PackedTwin
    [InlineData(17UL, 2)]
    [InlineData(16UL, 3)]
    [InlineData(16UL, 1)]
    public void A_pack_with_another_size_or_number_of_events_is_not_taken_for_the_same(ulong size, int events)
    {
        using TraceReader one = Write(_directory["one"], 16, 2), same = Write(_directory["same"], 16, 2), other = Write(_directory["other"], size, events);
        Assert.Equal(2, PackedTwin.AssertSameEvents(one, same));
        one.Seek(0);
        Assert.ThrowsAny<XunitException>(() => PackedTwin.AssertSameEvents(one, other));
    }

    [Fact]
    public void Every_recording_under_a_directory_is_compared()
    {
        Write(_directory["one"], 16, 2).Dispose();
        Write(_directory["two"], 16, 2).Dispose();
        Assert.Equal(2, PackedTwin.AssertSameUnder(_directory.Path));
    }

    [Fact]
    public void Record_writes_one_file_and_leaves_no_directory()
    {
        ProgramResult record = Programs.AllocReplay("record", "-o", Pack, "--", Targets.Build("known_calls.c"));
        Assert.Equal(0, record.ExitCode);
        Assert.Matches(@"packed .*r\.alloctrace: [0-9,]+ events", record.Error);
        Assert.Equal([Pack], Directory.GetFileSystemEntries(_directory.Path));
        using TraceReader reader = TraceReader.Open(Pack);
        Assert.Equal(KnownCalls.Counts, KnownCalls.CountsOf(TraceStatistics.Of(reader)));
        Assert.Equal(0, reader.Session!.ExitCode);
    }

    [Fact]
    public void Where_the_file_cannot_be_written_at_the_end_the_recording_is_kept_and_the_exit_code_says_so()
    {
        // The file may be there before the program is.
        ProgramResult record = Programs.AllocReplay("record", "-o", Pack, "--", "sh", "-c", $"until mkdir '{Pack}' 2>&-; do rm -f '{Pack}'; done");
        Assert.Equal(125, record.ExitCode);
        Assert.Contains("cannot pack the recording, which is kept", record.Error, StringComparison.Ordinal);
        using TraceReader reader = TraceReader.Open(Recording);
        Assert.Null(reader.Damage);
        Assert.Equal([Recording, Pack], Directory.GetFileSystemEntries(_directory.Path).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void What_is_there_is_kept_unless_forced()
    {
        Record();
        File.WriteAllText(Pack, "mine");
        ProgramResult pack = Programs.AllocReplay("pack", Recording, "-o", Pack), record = Programs.AllocReplay("record", "-o", Pack, "--", "true");
        Assert.Equal((2, 125), (pack.ExitCode, record.ExitCode));
        Assert.All([pack, record], r => Assert.Contains("already there", r.Error, StringComparison.Ordinal));
        Assert.Equal("mine", File.ReadAllText(Pack));
        Assert.Equal(0, Programs.AllocReplay("pack", Recording, "-o", Pack, "--force").ExitCode);
        using TraceReader reader = TraceReader.Open(Pack);
        Assert.Null(reader.Damage);
    }

    [Fact]
    public void A_damaged_trace_is_refused_with_a_way_on_and_packed_as_far_as_it_can_be_read()
    {
        Record();
        TracePacker.Pack(Recording, Pack, cancellation: TestContext.Current.CancellationToken);
        using (FileStream file = File.OpenWrite(Pack))
            file.SetLength(file.Length - 1000);
        string anew = _directory["anew.alloctrace"], dataset = _directory["d"];
        foreach (string[] command in new[] { new[] { "pack", Pack, "-o", anew }, ["analyze", Pack, "-o", dataset], ["replay", Pack, "--allocator", "glibc"],
            ["info", Pack], ["dump", Pack] })
        {
            ProgramResult refused = Programs.AllocReplay(command);
            Assert.Equal(3, refused.ExitCode);
            Assert.Contains("truncated", refused.Error, StringComparison.Ordinal);
            if (command[0] is "pack" or "analyze" or "replay")
                Assert.Contains("--partial goes on", refused.Error, StringComparison.Ordinal);
            Assert.Equal(0, Programs.AllocReplay([.. command, "--partial"]).ExitCode);
        }
        using TraceReader reader = TraceReader.Open(anew);
        Assert.Contains("packed from a damaged recording", reader.Damage!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_empty_file_is_called_empty()
    {
        File.WriteAllBytes(Pack, []);
        Assert.Contains("the file is empty", Programs.AllocReplay("info", Pack).Error, StringComparison.Ordinal);
    }

    private void Record() => Assert.Equal(0, Programs.AllocReplay("record", "-o", Recording, "--", Targets.Build("known_calls.c")).ExitCode);

    private static TraceReader Write(string directory, ulong size, int events)
    {
        var writer = new RecordingWriter(directory);
        for (int i = 0; i < events; i++)
            writer.Thread(0).Malloc(800 * (i + 1), 0x1000 + 0x100UL * (ulong)i, size);
        writer.Save();
        return TraceReader.Open(directory);
    }
}
