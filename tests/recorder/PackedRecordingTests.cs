using System.Globalization;
using AllocReplay.Formats;
using AllocReplay.Formats.Statistics;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary><c>record -o NAME.alloctrace</c>: packed while the program runs, and, when the recorder is killed, by <c>pack</c> from there on.</summary>
[StartsProcesses]
public sealed class PackedRecordingTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private long _calls; // that the program says it has made

    private string FileName => _directory["r.alloctrace"];

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_part_is_packed_before_the_program_ends_and_the_file_has_all()
    {
        using SteppedProgram program = SteppedProgram.Counted(FileName, "--stacks", "auto");
        Work(program, segments: 2);
        Assert.Equal(0, Programs.AllocReplay("control", program.Image, "mark", "late").ExitCode);
        Assert.Equal(0, program.Finish());

        Assert.False(Directory.Exists(program.Recording));
        Check();
        using TraceReader reader = TraceReader.Open(FileName);
        Assert.Equal("late", Assert.Single(reader.Markers).Name);
        Assert.True(reader.Frames.Count > 2);
        Assert.Equal(0, reader.Trace.Session!.ExitCode);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4)]
    public void A_recorder_that_is_killed_leaves_a_file_and_a_spill_that_become_the_whole(int segments)
    {
        using SteppedProgram program = SteppedProgram.Counted(FileName);
        Work(program, segments);
        program.KillRecorder();
        if (segments > 0)
        {
            // What is in it can be read at once.
            using TraceReader reader = TraceReader.Open(FileName);
            Assert.True(TraceStatistics.Of(reader).Calls > 0);
        }
        // The program goes on, and so does the process that writes.
        Work(program, segments: 0);
        ProgramResult packed = Programs.AllocReplay("pack", program.Recording);
        Assert.True(packed.ExitCode == 0, packed.Error);
        Check();
        Assert.True(Directory.Exists(program.Recording));
        Work(program, segments: 0);
        program.End();

        packed = Programs.AllocReplay("pack", program.Recording);

        Assert.True(packed.ExitCode == 0, packed.Error);
        Assert.False(Directory.Exists(program.Recording));
        Check();
    }

    [Fact]
    public void While_the_recorder_packs_nobody_else_does()
    {
        using SteppedProgram program = SteppedProgram.Counted(FileName);
        Work(program, segments: 1);

        ProgramResult packed = Programs.AllocReplay("pack", program.Recording);

        Assert.Equal(4, packed.ExitCode);
        Assert.Contains($"{FileName}: cannot be written: another process is writing it", packed.Error, StringComparison.Ordinal);
        Assert.Equal(0, program.Finish());
        Check();
    }

    [Fact]
    public void Another_name_is_refused_for_what_is_gone_on_with()
    {
        using SteppedProgram program = SteppedProgram.Counted(FileName);
        Work(program, segments: 1);
        program.KillRecorder();

        ProgramResult packed = Programs.AllocReplay("pack", program.Recording, "-o", _directory["other.alloctrace"]);

        Assert.Equal(2, packed.ExitCode);
        Assert.Contains("its first part is in", packed.Error, StringComparison.Ordinal);
        program.End();
    }

    /// <summary>Has the program make calls, of which so many segments at least are packed.</summary>
    private void Work(SteppedProgram program, int segments)
    {
        do
            _calls = long.Parse(program.Do("200000"), CultureInfo.InvariantCulture);
        while (segments > 0 && !File.Exists(Path.Combine(program.Image, $"events.{segments}")));
        string last = Path.Combine(program.Image, segments == 1 ? "events" : $"events.{segments - 1}");
        Assert.True(SpinWait.SpinUntil(() => segments == 0 || !File.Exists(last), TimeSpan.FromMinutes(2)), "nothing is packed");
    }

    private void Check()
    {
        using TraceReader reader = TraceReader.Open(FileName);
        Assert.Null(reader.Carried);
        TraceStatistics statistics = TraceStatistics.Of(reader);
        Assert.Null(reader.Damage);
        // Calls are lost, and counted, where the machine does not let it keep up.
        Assert.InRange((ulong)statistics.Calls + reader.Process.LostEvents, (ulong)_calls, ulong.MaxValue);
        if (reader.Process.LostEvents == 0)
            Assert.Equal(0, reader.Merge.UnknownReleases);
    }
}
