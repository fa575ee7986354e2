using System.Text.Json;
using System.Text.RegularExpressions;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Statistics;
using AllocReplay.Recorder;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>gperftools' MallocHook: what it cannot promise, and recording by it.</summary>
[StartsProcesses]
public sealed partial class MallocHookTests : IDisposable
{
    /// <summary>Removals of the hook, and stops of the recorder: as many of each.</summary>
    private const int Cycles = 2000;

    /// <summary>Each library of gperftools that carries MallocHook.</summary>
    public static TheoryData<string> Carriers => ["libtcmalloc.so.4", "libtcmalloc_minimal.so.4"];

    /// <summary>With what its archive needs beside it.</summary>
    public static TheoryData<string, string[]> Archives => new() { { "libtcmalloc_minimal.a", [] }, { "libtcmalloc.a", ["-lunwind", "-llzma"] } };

    private readonly TemporaryDirectory _directory = new();

    private string Recording => _directory["test.allocrec"];

    public void Dispose() => _directory.Dispose();

    /// <summary>
    /// Calls arrive at a hook after its removal returned. How many is the scheduler's to say (one in 20 removals on a quiet machine,
    /// far fewer on a crowded one), so more rounds are allowed until there is one. The second argument is some 2 µs of work in each
    /// hook, which mallochook_contrast.c explains.
    /// </summary>
    [Theory]
    [MemberData(nameof(Carriers))]
    public void A_hook_of_MallocHook_is_called_after_its_removal(string carrier)
    {
        string program = Contrast(carrier);
        int arrived = 0, inside = 0, rounds = 0;
        for (; rounds < 100 && (arrived == 0 || inside == 0); rounds++)
        {
            ProgramResult result = Programs.Run(program, [$"{Cycles}", "1000"]);
            Match counts = LateCalls().Match(result.Output);
            Assert.True(counts.Success, result.Output + result.Error);
            arrived += int.Parse(counts.Groups[1].Value);
            inside += int.Parse(counts.Groups[2].Value);
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{carrier}: after {rounds * Cycles} removals, {arrived} saw a call arrive, {inside} one at work");
        Assert.NotEqual(0, arrived);
        Assert.NotEqual(0, inside);
    }

    /// <summary>The same program and as many stops, by interposed calls and by MallocHook with our permanent hook.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_stop_of_the_recorder_is_followed_by_no_write(bool viaMallocHook)
    {
        using var witness = new Witness(_directory["r"], viaMallocHook ? HookBuild.MallocHook : HookBuild.Default, Contrast("libtcmalloc.so.4"), []);
        using ControlledProcess control = witness.Open();

        int late = ControlTests.CountLateWrites(control, witness.Image, Cycles, TimeSpan.FromMicroseconds(20));
        control.Start();
        Assert.Equal(0, witness.Finish());

        Assert.Equal(0, late);
        using TraceReader reader = TraceReader.Open(witness.Image);
        Assert.Equal(viaMallocHook ? "mallochook" : "preload", reader.Process.Source);
        Assert.Equal(Cycles + 1, reader.Intervals.Count);
        ControlTests.AssertIntervalsAreWhole(reader);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_litmus_build_dawdles_and_only_a_stop_without_the_wait_is_caught(bool waits)
    {
        string library = Carrier("libtcmalloc.so.4");
        string litmus = HookBuild.MallocHookWith(_directory["litmus.so"], "-include", Path.Combine(Targets.SourceDirectory, "litmus.h"));
        using var witness = new Witness(_directory["r"], litmus, threads: 1, Targets.Build("witness.c", library));
        using ControlledProcess control = witness.Open(waits ? ControlledProcess.Omission.Nothing : ControlledProcess.Omission.Wait);

        int late = ControlTests.CountLateWrites(control, witness.Image, waits ? 300 : Cycles, TimeSpan.FromMicroseconds(500), enough: waits ? int.MaxValue : 1);

        Assert.Equal(waits, late == 0);
    }

    [Theory]
    [MemberData(nameof(Carriers))]
    public void Every_call_of_four_threads_is_told_once(string carrier)
    {
        Assert.Equal(0, Record(Targets.Build("known_calls.c", Carrier(carrier))));
        using TraceReader reader = TraceReader.Open(Recording);
        Assert.StartsWith(carrier, Path.GetFileName(reader.Process.AllocatorPath));
        AssertKnownCalls(reader);
    }

    [Theory]
    [MemberData(nameof(Carriers))]
    public void What_MallocHook_cannot_tell_looks_like_malloc_and_free(string carrier)
    {
        Assert.Equal(0, Record(Targets.Build("mallochook_calls.c", Carrier(carrier))));

        using TraceReader reader = TraceReader.Open(Recording);
        var events = new List<TraceEvent>();
        while (reader.Read(out TraceEvent e))
            events.Add(e);
        List<TraceEvent> own = events.SkipWhile(e => e.Kind != CallKind.Malloc || e.Size != 100).ToList();
        const CallKind malloc = CallKind.Malloc, free = CallKind.Free;
        Assert.Equal([malloc, malloc, free, malloc, malloc, free, malloc, free, free, free, free], own.Take(11).Select(e => e.Kind));
        Assert.Equal([100UL, 21, 108, 5000], own.Where(e => e.Kind == malloc).Take(4).Select(e => e.Size));
        Assert.Equal(own[2].Address, own[3].Address); // stayed
        Assert.Equal((own[3].Address, true), (own[5].Address, own[8].IsNull)); // moved; free(NULL)
        Assert.Equal(own[4].Address, own[10].Address); // realloc to nothing
        Assert.Equal(0, reader.Merge.UnknownReleases + reader.Merge.ImplicitReleases);
    }

    [Fact]
    public void Operators_of_tcmalloc_are_told_as_malloc_and_free()
    {
        Assert.Equal(0, Record(Targets.Build("operators.cpp", Carrier("libtcmalloc_minimal.so.4"))));

        using TraceReader reader = TraceReader.Open(Recording);
        TraceStatistics statistics = TraceStatistics.Of(reader);
        // 100 rounds of 12 pairs; beside them only what the runtimes ask for themselves.
        Assert.InRange(statistics.CountOf(CallKind.Malloc), 1200, 1206);
        Assert.Equal(statistics.CountOf(CallKind.Malloc), statistics.Acquisitions);
        Assert.False(reader.Process.RecordsOperatorNew);
    }

    [Theory]
    [MemberData(nameof(Carriers))]
    public void A_forked_child_has_a_recording_of_its_own(string carrier)
    {
        Assert.Equal(0, Record(Targets.Build("fork.c", Carrier(carrier))));

        using TraceReader parent = TraceReader.Open(Recording);
        Assert.Equal(2, parent.Images.Count);
        using TraceReader child = TraceReader.Open(Recording, parent.Images[1].Name);
        TraceStatistics ofParent = TraceStatistics.Of(parent), ofChild = TraceStatistics.Of(child);
        Assert.Equal((2001, 2001), (ofParent.CountOf(CallKind.Malloc), ofParent.CountOf(CallKind.Free)));
        Assert.Equal((500, 501), (ofChild.CountOf(CallKind.Malloc), ofChild.CountOf(CallKind.Free)));
        Assert.Equal(("mallochook", "mallochook", true), (parent.Process.Source, child.Process.Source, child.Process.Forked));
    }

    /// <summary>The executable's own malloc comes before a preloaded one, so interposing sees no call of it. MallocHook does, and so do detours.</summary>
    [Theory]
    [MemberData(nameof(Archives))]
    public void A_tcmalloc_linked_in_and_exported_is_not_seen_by_interposing_alone(string archive, string[] needs)
    {
        string program = Targets.Build("known_calls.c", [Carrier(archive), "-rdynamic", "-lstdc++", "-lm", .. Needed(needs)]);

        Assert.Equal(0, Record(program));
        using (TraceReader reader = TraceReader.Open(Recording))
        {
            Assert.Equal(reader.Process.Executable, Path.GetFullPath(reader.Process.AllocatorPath));
            AssertKnownCalls(reader);
        }
        ProgramResult preloaded = Programs.AllocReplay("record", "--no-detours", "-o", _directory["preload.allocrec"], "--", program);
        Assert.Equal(125, preloaded.ExitCode);
        Assert.Contains("it has a malloc of its own linked in, gperftools' tcmalloc", preloaded.Error);
        Assert.EndsWith("; --via mallochook has that tcmalloc tell of them\n", preloaded.Error);
    }

    [Fact]
    public void A_program_without_MallocHook_runs_unrecorded_and_both_it_and_the_recorder_say_so()
    {
        ProgramResult result = Programs.AllocReplay("record", "--via", "mallochook", "-o", Recording, "--", Targets.Build("fork.c"));

        Assert.Equal(125, result.ExitCode);
        string[] lines = result.Error.TrimEnd().Split('\n');
        Assert.Equal(2, lines.Length); // one of the program, none of its fork, one of the recorder
        Assert.Matches(@"^allocreplay: \S+ is not recorded: it carries no MallocHook \(", lines[0]);
        Assert.Contains("the recording is empty: the program carries no MallocHook", lines[1]);
        ProgramResult info = Programs.AllocReplay("info", Recording);
        Assert.Equal(3, info.ExitCode);
        Assert.Contains("no MallocHook", info.Error);
    }

    [Fact]
    public void A_tcmalloc_linked_in_and_not_exported_is_out_of_reach()
    {
        string program = Targets.Build("known_calls.c", Carrier("libtcmalloc_minimal.a"), "-lstdc++", "-lm");
        ProgramResult result = Programs.AllocReplay("record", "--via", "mallochook", "-o", Recording, "--", program);
        Assert.Equal(125, result.ExitCode);
        Assert.Contains("or exported", result.Error);
    }

    [Fact]
    public void Info_names_the_source()
    {
        string program = Targets.Build("known_calls.c", Carrier("libtcmalloc.so.4"));
        ProgramResult record = Programs.AllocReplay("record", "--via", "mallochook", "-o", Recording, "--", program);
        Assert.True(record.ExitCode == 0, record.Error);

        Assert.Matches(@"source +mallochook \(", Programs.AllocReplay("info", Recording).Output);
        using JsonDocument json = JsonDocument.Parse(Programs.AllocReplay("info", "--json", Recording).Output);
        Assert.Equal("mallochook", json.RootElement.GetProperty("source").GetString());
    }

    [Fact]
    public void An_unknown_source_is_a_usage_error() =>
        Assert.Equal(2, Programs.AllocReplay("record", "--via", "guesswork", "-o", Recording, "--", "true").ExitCode);

    /// <summary>
    /// known_calls.c as MallocHook tells it, per thread and round: 11 acquisitions (10 calls; the realloc of nothing counts among them,
    /// and both others move), 12 frees, one of them null. A malloc and a calloc fail once a thread; a realloc that fails is not told.
    /// The main thread makes no calls, but a tcmalloc that is linked in constructs its objects there.
    /// </summary>
    private static void AssertKnownCalls(TraceReader reader)
    {
        const int rounds = 4 * 100;
        var statistics = new TraceStatistics();
        reader.ForEach([new SinkOfThreads(statistics, thread => thread > 0)]);
        var expected = new SortedDictionary<string, long>(StringComparer.Ordinal) { ["free"] = 12 * rounds, ["malloc"] = 11 * rounds + 2 * 4 };
        Assert.Equal(expected, KnownCalls.CountsOf(statistics));
        Assert.Equal((rounds, 2 * 4, rounds), (statistics.CrossThreadReleases, statistics.FailedCalls, statistics.NullReleases));
        Assert.Equal(0, statistics.LiveBlocks);
        Assert.Equal(0UL, reader.Process.LostEvents);
        Assert.Equal((0L, 0L), (reader.Merge.UnknownReleases, reader.Merge.ImplicitReleases));
        Assert.Equal([0, 0, 0, 0], statistics.Threads.Skip(1).Select(t => t.Parent));
        Assert.Equal("mallochook", reader.Process.Source);
        Assert.Null(reader.Damage);
    }

    private int Record(params string[] command) =>
        RecordedCommand.Run(new RecordOptions { Command = command, Output = Recording, Via = RecordVia.MallocHook }).ExitCode;

    private static string Contrast(string carrier)
    {
        string library = Carrier(carrier);
        Assert.SkipUnless(File.Exists("/usr/include/gperftools/malloc_hook_c.h"), "the headers of gperftools are not installed");
        return Targets.Build("mallochook_contrast.c", library);
    }

    private static string Carrier(string name)
    {
        string? path = Libraries.Find(name);
        Assert.SkipWhen(path is null, $"{name} is not installed");
        return path!;
    }

    private static string[] Needed(string[] libraries)
    {
        foreach (string library in libraries)
            Carrier($"lib{library[2..]}.so");
        return libraries;
    }

    [GeneratedRegex(@"^arrived (\d+), inside (\d+)$", RegexOptions.Multiline)]
    private static partial Regex LateCalls();
}
