using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Endtoend;

/// <summary>
/// Real programs, the scripts of tests/programs, do the same with the recorder as without, and nothing of them is lost. It takes long, and runs
/// where it is asked for; what it measured is in artifacts/programs.md then.
/// </summary>
[Collection(nameof(ProgramTests))]
public sealed class ProgramTests : IClassFixture<ProgramTests.Table>, IDisposable
{
    private const int Runs = 3;

    private static readonly string Scripts = Path.Combine(SourceTree.Root, "tests", "programs");

    private readonly TemporaryDirectory _directory = new();
    private readonly Table _table;

    public ProgramTests(Table table) => _table = table;

    public static TheoryData<string> Names => ProgramScript.AskedFor(Scripts);

    public void Dispose() => _directory.Dispose();

    [Theory, MemberData(nameof(Names))]
    [StartsProcesses]
    public void A_program_does_the_same_when_it_is_recorded(string name)
    {
        Assert.SkipWhen(name == ProgramScript.NotAskedFor, "not asked for: ./build.sh programs, or test --all");
        ProgramScript script = ProgramScript.Load(Path.Combine(Scripts, name + ".sh"));
        Assert.SkipWhen(script.Fails is not null, $"known to fail: {script.Fails}");
        Assert.SkipWhen(script.MissingPackages().Any(), $"not installed: {string.Join(' ', script.MissingPackages())}");

        ProgramComparison comparison = Compare(script);

        _table.Add(comparison);
        SourceTree.AssertNone(comparison.Faults());
    }

    [Fact]
    public void Another_output_or_exit_code_a_lost_event_and_a_program_unseen_are_faults() // the controls
    {
        ProgramScript script = ProgramScript.Parse("x", "x.sh", "#!/usr/bin/env bash\n# packages: a b\n");
        var run = new ProgramRun("same\n", 0, 1);
        var recording = new ProgramRecording(1000, 1100, 5000, 1, 1, 0, []);
        var sound = new ProgramComparison(script, [run, run], [run, run], [recording, recording]);
        Assert.Empty(sound.Faults());
        Assert.Equal("| x | 1.00 | 1.00 | 1.00 | 1,100 | 1 | 1 | 4.5 |", sound.Row());

        Assert.Contains("other", Fault(sound with { Recorded = [run, run with { Output = "other\n" }] }), StringComparison.Ordinal);
        Assert.Contains("139", Fault(sound with { Recorded = [run with { ExitCode = 139 }, run] }), StringComparison.Ordinal);
        Assert.Contains("plain", Fault(sound with { Plain = [run, run with { Output = "" }] }), StringComparison.Ordinal);
        Assert.Contains("3 events lost", Fault(sound with { Recordings = [recording, recording with { LostEvents = 3 }] }), StringComparison.Ordinal);
        Assert.Contains("Damaged", Fault(sound with { Recordings = [recording with { Warnings = ["Damaged"] }] }), StringComparison.Ordinal);
        ProgramComparison unseen = sound with { Recordings = [recording with { Calls = 7 }] };
        Assert.Contains("7 calls", Fault(unseen), StringComparison.Ordinal);
        Assert.Empty((unseen with { Script = script with { NotRecorded = "static" } }).Faults());
        Assert.Throws<FormatException>(() => ProgramScript.Parse("x", "x.sh", "#!/usr/bin/env bash\n"));
    }

    [Fact]
    public void Each_script_says_what_it_needs() => Assert.All(ProgramScript.NamesIn(Scripts), n => ProgramScript.Load(Path.Combine(Scripts, n + ".sh")));

    private static string Fault(ProgramComparison comparison) => Assert.Single(comparison.Faults());

    private ProgramComparison Compare(ProgramScript script)
    {
        string recording = _directory["r.allocrec"];
        List<ProgramRun> plain = [], recorded = [];
        List<ProgramRecording> recordings = [];
        ProgramRun.Of(script, _directory); // what it reads is in memory then
        for (int i = 0; i < Runs; i++)
        {
            plain.Add(ProgramRun.Of(script, _directory));
            recorded.Add(ProgramRun.Of(script, _directory, Programs.AllocReplayCommand, "record", "-q", "-o", recording, "--"));
            recordings.Add(ProgramRecording.Of(recording));
            Directory.Delete(recording, recursive: true);
        }
        return new ProgramComparison(script, plain, recorded, recordings);
    }

    /// <summary>What was measured; the file grows with each program.</summary>
    public sealed class Table
    {
        private readonly SortedDictionary<string, string> _rows = new(StringComparer.Ordinal);

        internal void Add(ProgramComparison comparison)
        {
            _rows[comparison.Script.Name] = comparison.Row();
            string directory = Path.Combine(SourceTree.Root, "artifacts");
            Directory.CreateDirectory(directory);
            File.WriteAllLines(Path.Combine(directory, "programs.md"), _rows.Values.Prepend(ProgramComparison.TableHead));
        }
    }
}

/// <summary>Alone, as it measures times.</summary>
[CollectionDefinition(nameof(ProgramTests), DisableParallelization = true)]
public sealed class ProgramTestsAlone;
