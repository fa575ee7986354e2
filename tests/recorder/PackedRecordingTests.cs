using System.Diagnostics;
using AllocReplay.Formats;
using AllocReplay.Formats.Statistics;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary><c>record -o NAME.alloctrace</c>: packed while the program runs, and, when the recorder is killed, by <c>pack</c> from there on.</summary>
[StartsProcesses]
public sealed class PackedRecordingTests : IDisposable
{
    private const int Threads = 2, Calls = 6_000_000; // of a thread: some hundred megabytes of events

    private readonly TemporaryDirectory _directory = new();

    private string File => _directory["r.alloctrace"];

    private string Spill => _directory["r.allocrec"];

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_part_is_packed_before_the_program_ends_and_the_file_has_all()
    {
        using Process recorder = Start("r.alloctrace");
        bool wasPacked = false;
        while (!recorder.WaitForExit(5))
            wasPacked |= System.IO.File.Exists(File) && new FileInfo(File).Length > 100_000 && !recorder.HasExited && Directory.Exists(Spill);
        Assert.Equal(0, recorder.ExitCode);

        Assert.True(wasPacked);
        Assert.False(Directory.Exists(Spill));
        Check();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(5)]
    public void A_recorder_that_is_killed_leaves_a_file_and_a_spill_that_become_the_whole(int segments)
    {
        using Process recorder = Start("r.alloctrace");
        Assert.True(SpinWait.SpinUntil(() => recorder.HasExited || IsGone(segments), TimeSpan.FromMinutes(1)));
        recorder.Kill();
        recorder.WaitForExit();
        Assert.True(Directory.Exists(Spill));
        if (segments > 0)
        {
            // What is in it can be read at once.
            using TraceReader reader = TraceReader.Open(File);
            Assert.True(TraceStatistics.Of(reader).Calls > 0);
        }
        // The program goes on, and its drain.
        Assert.True(SpinWait.SpinUntil(() => Programs.AllocReplay("control", Spill, "status").ExitCode != 0 || !IsRunning(), TimeSpan.FromMinutes(1)));

        ProgramResult packed = Programs.AllocReplay("pack", Spill);

        Assert.True(packed.ExitCode == 0, packed.Error);
        Assert.False(Directory.Exists(Spill));
        Check();
    }

    [Fact]
    public void Another_name_is_refused_for_what_is_gone_on_with()
    {
        using Process recorder = Start("r.alloctrace");
        Assert.True(SpinWait.SpinUntil(() => recorder.HasExited || IsGone(1), TimeSpan.FromMinutes(1)));
        recorder.Kill();
        recorder.WaitForExit();

        ProgramResult packed = Programs.AllocReplay("pack", Spill, "-o", _directory["other.alloctrace"]);

        Assert.Equal(2, packed.ExitCode);
        Assert.Contains("its first part is in", packed.Error, StringComparison.Ordinal);
        Assert.True(SpinWait.SpinUntil(() => !IsRunning(), TimeSpan.FromMinutes(1)));
    }

    /// <summary>Whether so many segments of the program are packed and gone.</summary>
    private bool IsGone(int segments) => Directory.Exists(Spill)
        && Directory.GetDirectories(Spill).Any(d => segments == 0 ? System.IO.File.Exists(Path.Combine(d, "events"))
            : System.IO.File.Exists(Path.Combine(d, "carried")) && !System.IO.File.Exists(Path.Combine(d, segments == 1 ? "events" : $"events.{segments - 1}")));

    private bool IsRunning() => AllocReplay.Recorder.SessionSwitch.Running(Spill).Count > 0;

    private Process Start(string name) => Process.Start(new ProcessStartInfo(Programs.AllocReplayCommand,
        ["record", "-q", "-o", _directory[name], "--", Targets.Build("steady.c"), $"{Threads}", $"{Calls}"]))!;

    private void Check()
    {
        using TraceReader reader = TraceReader.Open(File);
        Assert.Null(reader.Carried);
        TraceStatistics statistics = TraceStatistics.Of(reader);
        Assert.Null(reader.Damage);
        // Calls are lost, and counted, where the machine does not let it keep up.
        Assert.InRange((ulong)statistics.Calls + reader.Process.LostEvents, (ulong)Threads * Calls, ulong.MaxValue);
        Assert.Equal(0, reader.Merge.UnknownReleases);
        Assert.NotEmpty(reader.Trace.Session!.Command);
    }
}
