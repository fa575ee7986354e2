using System.Globalization;
using AllocReplay.Replayer;
using AllocReplay.Replayer.Allocators;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Replayer;

/// <summary>Libraries that are planted to fail: each is a kind of failure and a line, and leaves nobody behind.</summary>
[StartsProcesses]
public sealed class RunFailureTests : IDisposable
{
    private const int Trigger = 7777; // bytes, at which failing_allocator.c does what it was compiled for
    private static readonly TimeSpan Short = TimeSpan.FromSeconds(5), Long = TimeSpan.FromMinutes(5);

    private readonly TemporaryDirectory _directory = new();
    private readonly ReplayPlan _plan;

    public RunFailureTests()
    {
        var writer = new RecordingWriter(_directory["trace"]);
        writer.Thread(0).Malloc(100, 0x1000, 32).Malloc(200, 0x2000, Trigger).Free(300, 0x1000).Free(400, 0x2000);
        writer.Save();
        _plan = PlanFile.Compile(_directory["trace"]);
    }

    public void Dispose()
    {
        _plan.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData("CRASH", FailureKind.Crashed, 11, "killed by SIGSEGV under planted")]
    [InlineData("KILL", FailureKind.Crashed, 9, "killed by SIGKILL under planted")]
    [InlineData("EXIT=0", FailureKind.Exited, 0, "ended itself under planted, with exit code 0")]
    [InlineData("EXIT=139", FailureKind.Exited, 139, "ended itself under planted, with exit code 139")]
    [InlineData("EXIT=70", FailureKind.Exited, 70, "ended itself under planted, with exit code 70")]
    public void One_that_ends_in_the_middle_says_how(string fault, FailureKind kind, int code, string line) =>
        AssertFails(Planted(fault), new ReplayOptions(), new RunFailure(kind, code), line);

    [Fact]
    public void One_that_hangs_is_ended_in_its_time() =>
        AssertFails(Planted("HANG"), new ReplayOptions { Timeout = Short }, new RunFailure(FailureKind.Hung), "had not ended after");

    [Fact]
    public void One_that_hangs_before_the_replay_begins_is_ended_too() =>
        AssertFails(
            Planted("HANG_AT_START"), new ReplayOptions { StartTimeout = Short }, new RunFailure(FailureKind.Hung), "had not begun to replay after");

    [Fact]
    public void One_without_a_fault_replays()
    {
        WorkerResult result = WorkerRunner.Instance.Run(_plan, Planted("NOTHING"), new ReplayOptions { Timeout = Long });
        Assert.Equal(4, result.Calls);
    }

    [Fact]
    public void One_that_does_not_provide_malloc_is_another_allocator() =>
        AssertFails(Planted("NO_MALLOC"), new ReplayOptions(), new RunFailure(FailureKind.WrongAllocator), "planted: malloc came from");

    [Fact]
    public void One_that_is_no_library_cannot_be_preloaded()
    {
        File.WriteAllText(_directory["libtext.so"], "no library");
        AssertFails(
            OfFile(_directory["libtext.so"]), new ReplayOptions(), new RunFailure(FailureKind.CannotPreload), "libtext.so cannot be preloaded");
    }

    [Fact]
    public void One_that_needs_what_nobody_has_does_not_load() =>
        AssertFails(
            Planted("UNRESOLVED", "-Wl,-z,now"), new ReplayOptions(), new RunFailure(FailureKind.CannotPreload),
            "undefined symbol: planted_and_nowhere_defined");

    [Fact]
    public void A_hook_that_is_no_library_cannot_be_preloaded_and_the_replay_is_not_run_without_it()
    {
        File.WriteAllText(_directory["libtext.so"], "no library");
        Configuration configuration = Configuration.Parse($"glibc + {_directory["libtext.so"]}")[0];
        AssertFails(configuration, new ReplayOptions(), new RunFailure(FailureKind.CannotPreload), "libtext.so cannot be preloaded");
    }

    [Theory]
    [InlineData("NOTHING", false)]
    [InlineData("HANG", true)]
    [InlineData("EXIT=0", true)]
    [InlineData("CRASH", true)]
    public void What_a_library_starts_ends_with_the_run(string fault, bool fails)
    {
        string pidFile = _directory["pid"];
        Configuration configuration = Planted(fault, "-DHELPER") with { Environment = [$"PLANTED_PID={pidFile}"] };
        var options = new ReplayOptions { Timeout = fault == "HANG" ? Short : Long };

        if (fails)
            Assert.NotNull(Assert.Throws<ReplayException>(() => WorkerRunner.Instance.Run(_plan, configuration, options)).Run);
        else
            WorkerRunner.Instance.Run(_plan, configuration, options);

        Assert.False(Runs(int.Parse(File.ReadAllText(pidFile), CultureInfo.InvariantCulture)));
    }

    [Fact]
    public void One_that_hangs_in_another_process_group_is_ended_too() => AssertFails(
        Planted("HANG", "-DLEAVE"), new ReplayOptions { Timeout = Short }, new RunFailure(FailureKind.Hung), "had not ended after");

    [Fact]
    public void One_that_deletes_the_directory_of_its_run_is_told() =>
        AssertFails(Planted("DELETE"), new ReplayOptions(), new RunFailure(FailureKind.Exited, 0), "with exit code 0");

    /// <summary>A signal is to end it when the one that started it ends; where that has ended before, none comes.</summary>
    [Fact]
    public void A_worker_whose_parent_has_gone_already_ends_at_once()
    {
        string[] files = [_plan.Path, _directory["result"], _directory["progress"]];
        Assert.Equal(0, Programs.Run(WorkerStart.Executable, [.. files, $"parent={Environment.ProcessId}"]).ExitCode); // the control
        Assert.True(File.Exists(files[1]));
        File.Delete(files[1]);
        Assert.Equal(WorkerExit.Failed, Programs.Run(WorkerStart.Executable, [.. files, "parent=1", "turn_loops=1"]).ExitCode);
        Assert.False(File.Exists(files[1]));
    }

    [Fact]
    public void A_run_that_is_cancelled_leaves_nobody_behind()
    {
        string pidFile = _directory["pid"];
        Configuration configuration = Planted("HANG", "-DHELPER") with { Environment = [$"PLANTED_PID={pidFile}"] };
        using var cancel = new CancellationTokenSource();
        var begun = new CancelOnceThere(pidFile, cancel);

        Assert.ThrowsAny<OperationCanceledException>(
            () => WorkerRunner.Instance.Run(_plan, configuration, new ReplayOptions(), begun, cancel.Token));

        Assert.False(Runs(int.Parse(File.ReadAllText(pidFile), CultureInfo.InvariantCulture)));
    }

    /// <summary>Cancels once the library has noted what it started.</summary>
    private sealed class CancelOnceThere(string file, CancellationTokenSource source) : IProgress<double>
    {
        public void Report(double value)
        {
            if (new FileInfo(file) is { Exists: true, Length: > 0 })
                source.Cancel();
        }
    }

    private void AssertFails(Configuration configuration, ReplayOptions options, RunFailure expected, string line)
    {
        var e = Assert.Throws<ReplayException>(() => WorkerRunner.Instance.Run(_plan, configuration, options));
        Assert.Equal(expected, e.Run);
        Assert.Contains(line, e.Message);
        Assert.DoesNotContain('\n', e.Message);
    }

    internal static Configuration Planted(string fault, params string[] flags) =>
        OfFile(Targets.Build("failing_allocator.c", ["-shared", "-fPIC", $"-D{fault}", .. flags]));

    /// <summary>Without the catalog, which would ask a library that hangs for its release.</summary>
    private static Configuration OfFile(string path) =>
        new() { Allocator = new Allocator { Name = "planted", Preload = path, Library = path, BuildId = ElfBuildId.Read(path), IsGiven = true } };

    /// <summary>Whether a process is there and has not ended: one that nobody has collected yet has.</summary>
    private static bool Runs(int pid)
    {
        try
        {
            string stat = File.ReadAllText($"/proc/{pid}/stat");
            return stat[stat.LastIndexOf(')') + 2] is not ('Z' or 'X');
        }
        catch (Exception e) when (e is IOException or DirectoryNotFoundException)
        {
            return false;
        }
    }
}
