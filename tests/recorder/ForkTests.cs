using System.Text;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Statistics;
using AllocReplay.Recorder;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>Every process image has a recording of its own, however it came to be.</summary>
[StartsProcesses]
public sealed class ForkTests(ITestOutputHelper output) : IDisposable
{
    private const int Forks = 2000;
    private const ulong ForkedInsideCalls = 600_000;

    private readonly TemporaryDirectory _directory = new();

    private string Recording => _directory["r"];

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Two_thousand_forks_under_four_allocating_threads_lose_nothing()
    {
        Assert.Equal(0, Record(Targets.Build("fork_storm.c"), $"{Forks}"));

        string[] images = Directory.GetDirectories(Recording);
        Assert.Equal(1 + Forks, images.Length);
        int parents = 0;
        long calls = 0;
        foreach (string image in images)
        {
            using TraceReader reader = TraceReader.Open(image);
            parents += reader.Process.Forked ? 0 : 1;
            var next = new Dictionary<int, ulong>();
            while (reader.Read(out TraceEvent e))
            {
                if (e.Kind != CallKind.Malloc || (!reader.Process.Forked && e.Thread == 0))
                    continue;
                ulong n = next.GetValueOrDefault(e.Thread) + 1;
                Assert.Equal(reader.Process.Forked ? n : 1 + n % 60000, e.Size);
                next[e.Thread] = n;
            }
            AssertWhole(reader);
            if (reader.Process.Forked)
                Assert.Equal(10UL, Assert.Single(next.Values));
            Assert.Equal(reader.Process.Forked ? 1 : 4, next.Count);
            calls += next.Values.Sum(v => (long)v);
        }
        Assert.Equal(1, parents);
        output.WriteLine($"{images.Length} recordings, {calls} acquisitions, none lost");
    }

    [Theory]
    [InlineData("vfork", false)]
    [InlineData("spawn", false)]
    [InlineData("clone", true)]
    public void A_child_has_a_recording_of_its_own_and_the_parent_s_has_only_its_calls(string how, bool forked)
    {
        Assert.Equal(0, Record(Targets.Build("children.c"), how));

        string[] images = Directory.GetDirectories(Recording);
        Assert.Equal(2, images.Select(i => Path.GetFileName(i)!.Split('.')[0]).Distinct().Count());
        var children = new List<bool>();
        foreach (string image in images)
        {
            using TraceReader reader = TraceReader.Open(image);
            int blocks = 0;
            while (reader.Read(out TraceEvent e))
                blocks += e is { Kind: CallKind.Malloc, Size: 1234 } ? 1 : 0;
            AssertWhole(reader);
            Assert.Equal(5, blocks);
            children.Add(reader.Process.Forked);
        }
        Assert.Equal(forked, children.Contains(true));
    }

    [Theory]
    [InlineData("_Fork")]
    [InlineData("fork")]
    public void A_child_of_a_signal_handler_leaves_its_parent_s_events_alone(string how)
    {
        int exit = Record(Targets.Build("fork_in_handler.c"), how);
        Assert.SkipWhen(exit == 77, "this C library has no _Fork");
        Assert.Equal(0, exit);
        _ = AssertParentIsWhole();
    }

    /// <summary>A handler's fork while its thread takes a chunk, or gives one away: the child goes on with that when its parent has long done so.</summary>
    [Fact]
    public void A_child_of_the_slow_path_leaves_its_parent_s_chunks_alone()
    {
        RecordForkedInside();
        Assert.InRange(Directory.GetDirectories(Recording).Length, 10, 100); // the places that fork do so
        Assert.Equal(ForkedInsideCalls, AssertParentIsWhole());
    }

    /// <summary>The control: of a raw clone from a handler the hook is not told, so its child goes on as if it were its parent.</summary>
    [Fact]
    public void A_child_that_does_not_part_from_its_parent_s_chunks_is_caught()
    {
        RecordForkedInside("-DLITMUS_RAW_CLONE");
        Assert.ThrowsAny<Exception>(() => Assert.Equal(ForkedInsideCalls, AssertParentIsWhole()));
    }

    [Fact]
    public void A_chain_of_execs_is_a_row_of_images_under_one_process_id()
    {
        Assert.Equal(0, Record(Targets.Build("children.c"), "chain", "9"));

        string[] names = Directory.GetDirectories(Recording).Select(d => Path.GetFileName(d)!).Order(StringComparer.Ordinal).ToArray();
        string pid = names[0].Split('.')[0];
        Assert.Equal(Enumerable.Range(0, 10).Select(n => $"{pid}.{n}"), names);
        foreach (string name in names)
        {
            using TraceReader reader = TraceReader.Open(Recording, name);
            Assert.Equal(5, TraceStatistics.Of(reader).CountOf(CallKind.Malloc));
            AssertWhole(reader);
        }
    }

    [Fact]
    public void Every_process_of_a_parallel_make_is_recorded_whole()
    {
        Assert.SkipUnless(Programs.Exists("make") && Programs.Exists("cc"), "make or cc is not installed");
        const int sources = 6;
        string objects = string.Join(' ', Enumerable.Range(0, sources).Select(i => $"f{i}.o"));
        for (int i = 0; i < sources; i++)
            File.WriteAllText(_directory[$"f{i}.c"], $"#include <stdio.h>\n{(i == 0 ? "int main" : $"int f{i}")}(void) {{ return puts(\"{i}\") < 0; }}\n");
        File.WriteAllText(_directory["Makefile"], new StringBuilder()
            .AppendLine($"all: {objects}\n\tcc -o all {objects}").AppendLine("%.o: %.c\n\tcc -O1 -c -o $@ $<").ToString());

        Assert.Equal(0, Record("make", "-s", "-j4", "-C", _directory.Path));

        int compilers = 0;
        foreach (string image in Directory.GetDirectories(Recording))
        {
            using TraceReader reader = TraceReader.Open(image);
            _ = TraceStatistics.Of(reader);
            AssertWhole(reader);
            compilers += reader.Process.Executable.EndsWith("/cc1", StringComparison.Ordinal) ? 1 : 0;
        }
        Assert.Equal(sources, compilers);
        Assert.Equal(0, Programs.Run(_directory["all"], []).ExitCode);
    }

    private void RecordForkedInside(params string[] flags)
    {
        string hook = HookBuild.With(_directory["litmus.so"], ["-include", Path.Combine(Targets.SourceDirectory, "litmus_fork.h"), .. flags]);
        RecordResult result = RecordedCommand.Run(
            new RecordOptions { Command = [Targets.Build("forked_inside.c"), $"{ForkedInsideCalls}"], Output = Recording, HookPath = hook });
        Assert.Equal((0, 0), (result.ExitCode, result.Failures.Count));
    }

    /// <summary>The n-th block of the first process has 1 + n % 1000 bytes; of the others nothing is known but that they are whole.</summary>
    /// <returns>Its blocks.</returns>
    private ulong AssertParentIsWhole()
    {
        ulong n = 0;
        foreach (string image in Directory.GetDirectories(Recording))
        {
            using TraceReader reader = TraceReader.Open(image);
            while (reader.Read(out TraceEvent e))
                if (e.Kind == CallKind.Malloc && !reader.Process.Forked)
                    Assert.Equal(1 + ++n % 1000, e.Size);
            AssertWhole(reader);
        }
        return n;
    }

    private static void AssertWhole(TraceReader reader)
    {
        Assert.Null(reader.Damage);
        Assert.Equal(0UL, reader.Process.LostEvents);
        Assert.Null(reader.Process.Failure);
    }

    private int Record(params string[] command) => RecordedCommand.Run(new RecordOptions { Command = command, Output = Recording }).ExitCode;
}
