using System.Globalization;
using AllocReplay.Formats;
using AllocReplay.Recorder;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>How much memory a recorded program has is looked at while it runs: what is found is what the program finds itself.</summary>
[StartsProcesses]
public sealed class MemorySampleTests : IDisposable
{
    private const long Step = 24 << 20, Near = 1 << 20; // bytes; what counters and the recorder's own pages in the program may differ by

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("r.allocrec")]
    [InlineData("r.allocrec", "--keep", "1M")]
    [InlineData("r.alloctrace")]
    public void What_is_found_is_what_the_program_finds_and_stays_with_the_recording(string name, params string[] options)
    {
        using SteppedProgram program = SteppedProgram.Resident(_directory[name], options);
        var told = new List<(long Rss, long Anonymous)>();
        foreach (string what in (string[])[$"m {Step}", $"m {2 * Step}", "u", "u"])
        {
            told.Add(Parse(program.Do(what)));
            MemorySample found = AwaitLook(program.Image);
            AssertNear(told[^1].Rss, found.ResidentBytes);
            AssertNear(told[^1].Anonymous, found.AnonymousBytes);
            Assert.Equal(0, found.SwappedBytes);
        }
        // Each step was seen as one, and the most is not forgotten.
        AssertNear(2 * Step, told[1].Anonymous - told[0].Anonymous);
        AssertNear(-2 * Step, told[2].Anonymous - told[1].Anonymous);
        AssertNear(told[1].Rss, AwaitLook(program.Image).PeakResidentBytes);
        RecordingSnapshot.Take([program.Image], _directory["s.alloctrace"]);
        Assert.Equal(0, program.Finish());

        foreach (string trace in (string[])["s.alloctrace", name])
        {
            using TraceReader reader = TraceReader.Open(_directory[trace]);
            IReadOnlyList<MemorySample> samples = reader.MemorySamples;
            Assert.Equal(samples.OrderBy(s => s.TimeNs), samples);
            Assert.All(samples, s => Assert.InRange(s.AnonymousBytes, 1, s.ResidentBytes));
            Assert.All(samples, s => Assert.InRange(s.ResidentBytes, 1, s.PeakResidentBytes));
            foreach ((long rss, _) in told)
                Assert.Contains(samples, s => Math.Abs(s.ResidentBytes - rss) < Near);
            AssertNear(told[1].Rss, samples[^1].PeakResidentBytes);
        }
    }

    [Fact]
    public void A_program_that_becomes_another_leaves_its_own_and_the_other_begins_anew()
    {
        using SteppedProgram program = SteppedProgram.Resident(_directory["r.allocrec"]);
        long before = Parse(program.Do("m 4096")).Rss;
        AwaitLook(program.Image);
        Assert.Equal(program.Pid, int.Parse(program.Do($"x {Targets.Build("resident.c", "-g")}"), CultureInfo.InvariantCulture));
        long after = Parse(program.Do($"m {4 * Step}")).Rss;
        string second = program.Image[..^1] + "1";
        Assert.True(SpinWait.SpinUntil(() => File.Exists(Path.Combine(second, "process")), TimeSpan.FromMinutes(1)));
        AssertNear(after, AwaitLook(second).ResidentBytes);
        Assert.Equal(0, program.Finish());

        using TraceReader first = TraceReader.Open(program.Image);
        Assert.All(first.MemorySamples, s => Assert.InRange(s.ResidentBytes, 1, before + Near));
    }

    [Fact]
    public void Who_goes_on_for_a_drain_that_was_killed_goes_on_with_it()
    {
        using SteppedProgram program = SteppedProgram.Resident(_directory["r.allocrec"]);
        AwaitLook(program.Image);
        Signals.Send((int)DrainStatus.Of(program.Recording).Pid, 9);
        long told = Parse(program.Do($"m {Step}")).Rss;
        AssertNear(told, AwaitLook(program.Image).ResidentBytes);
        Assert.Equal(0, program.Finish());

        using TraceReader reader = TraceReader.Open(program.Recording);
        Assert.Contains(reader.MemorySamples, s => s.ResidentBytes < told - Step / 2);
        Assert.Contains(reader.MemorySamples, s => Math.Abs(s.ResidentBytes - told) < Near);
    }

    [Fact]
    public void A_preload_by_hand_has_nobody_who_looks()
    {
        string recording = _directory["r.allocrec"];
        Directory.CreateDirectory(recording);
        FaultyRun.Of(recording, [Targets.Build("steady.c"), "1", "100"]);
        using TraceReader reader = TraceReader.Open(recording);
        Assert.Empty(reader.MemorySamples);
    }

    /// <summary>The first look at an image that began after this was called.</summary>
    private static MemorySample AwaitLook(string image)
    {
        using TraceFollower follower = TraceFollower.Open(image);
        long before = follower.ReadMemory()?.TimeNs ?? -1;
        int looks = 0;
        // One may have begun before.
        Assert.True(SpinWait.SpinUntil(
            () =>
            {
                if (follower.ReadMemory() is { } found && found.TimeNs > before)
                    (before, looks) = (found.TimeNs, looks + 1);
                return looks == 2;
            },
            TimeSpan.FromMinutes(1)));
        return follower.ReadMemory()!.Value;
    }

    private static (long Rss, long Anonymous) Parse(string answer)
    {
        long[] kib = [.. answer.Split(' ').Select(n => long.Parse(n, CultureInfo.InvariantCulture))];
        return (kib[0] << 10, kib[1] << 10);
    }

    private static void AssertNear(long expected, long found) => Assert.InRange(found, expected - Near, expected + Near);
}
