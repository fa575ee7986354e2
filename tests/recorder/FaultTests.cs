using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>Whatever happens to the recording, the program runs as if there were none, and the recording says where it ended.</summary>
[StartsProcesses]
public sealed class FaultTests(ITestOutputHelper output) : IDisposable
{
    private static readonly string[] NoFault = ["none"];

    private readonly TemporaryDirectory _directory = new();
    private readonly List<string> _mounts = [];

    public void Dispose()
    {
        foreach (string mount in _mounts)
            Programs.Run("umount", [mount]);
        _directory.Dispose();
    }

    [Fact]
    public void A_full_disk() =>
        FaultyRun.Unaffected(NewSession(NewDisk("size=768k")), NoFault)
            .AssertSaid("no space left on the device").AssertInfoNames("No space left on device");

    /// <summary>Of the sizes at which a disk can be full, each meets the hook at another step.</summary>
    [Theory]
    [InlineData(8)]
    [InlineData(16)]
    [InlineData(32)]
    [InlineData(300)]
    public void A_disk_that_is_full_from_the_start(int kilobytes) =>
        FaultyRun.Unaffected(NewSession(NewDisk($"size={kilobytes}k")), NoFault).AssertSaid("no space left on the device");

    /// <summary>At each of the recorder's own steps: its session file is written before, while and after the command runs.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(64)]
    public void On_a_disk_that_is_full_record_waits_for_the_command_and_exits_as_it_did(int pagesFree)
    {
        const int page = 4096, pages = 128;
        string disk = NewDisk($"size={pages * page}");
        using (FileStream fill = File.Create(Path.Combine(disk, "fill")))
            fill.Write(new byte[(pages - pagesFree) * page]);
        string script = $"'{Targets.Build("fault.c")}' none; echo ended; exit 3";
        ProgramResult record = Programs.AllocReplay("record", "-o", Path.Combine(disk, "r.allocrec"), "--", "sh", "-c", script);
        Assert.Equal((3, "done\nended\n"), (record.ExitCode, record.Output));
        Assert.Contains("o space left on", record.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void On_a_disk_without_a_page_the_command_is_not_run()
    {
        string disk = NewDisk("size=4k");
        File.WriteAllBytes(Path.Combine(disk, "fill"), new byte[4096]);
        ProgramResult record = Programs.AllocReplay("record", "-o", Path.Combine(disk, "r.allocrec"), "--", "echo", "ran");
        Assert.Equal((125, ""), (record.ExitCode, record.Output));
    }

    [Theory]
    [InlineData("9M", true)]
    [InlineData("0", false)]
    public void What_is_to_be_left_free_of_a_disk_is_left_and_the_command_goes_on(string leaveFree, bool isReached)
    {
        string recording = Path.Combine(NewDisk("size=8m"), "r.allocrec");
        ProgramResult record = Programs.AllocReplay("record", "--leave-free", leaveFree, "-o", recording, "--", Targets.Build("fault.c"), "none");
        Assert.Equal((0, "done\n"), (record.ExitCode, record.Output));
        Assert.Equal(isReached, record.Error.Contains("nothing is recorded any more: the disk has less than 9 MiB free", StringComparison.Ordinal));
        string info = FaultyRun.OneLine(Programs.AllocReplay("info", recording).Output);
        Assert.Equal(isReached, info.Contains("the disk has no more room than is to be left free", StringComparison.Ordinal));
    }

    /// <summary>A quota of which nothing is left, at each of the hook's steps. Emulated, as a kernel may be built without quotas.</summary>
    [Theory]
    [InlineData("tails", "cannot grow the tails")]
    [InlineData("events", "cannot write events")]
    public void A_disk_quota_as_emulated_by_a_filter_of_system_calls(string step, string failure) =>
        FaultyRun.Unaffected(NewSession(), NoFault, under: QuotaAt(step))
            .AssertSaid($"{failure}: disk quota exceeded").AssertInfoNames("Disk quota exceeded");

    [Theory]
    [InlineData("mkdir")]
    [InlineData("header")]
    public void A_disk_quota_as_emulated_from_the_start(string step)
    {
        FaultyRun run = FaultyRun.Unaffected(NewSession(), NoFault, under: QuotaAt(step))
            .AssertSaid("cannot create the recording: disk quota exceeded");
        Assert.Empty(Directory.GetDirectories(run.Session));
    }

    [Fact]
    public void A_limit_of_processes_fails_threads_as_it_does_without_a_recorder_and_all_calls_are_recorded() =>
        FaultyRun.Unaffected(NewSession(), ["nproc"]).AssertMallocsOfImages(200_000);

    [Fact]
    public void A_directory_whose_mode_forbids_writing()
    {
        string session = NewSession();
        FaultyRun run = RunAsNobody(session, "500", CopyOfFault("755"));
        run.AssertSaid("cannot create the recording: permission denied");
        Assert.Empty(Directory.GetDirectories(session));
    }

    /// <summary>Nothing is left that could say why, so the message names what it may have been.</summary>
    [Fact]
    public void Where_no_recording_could_be_created_info_does_not_blame_the_program_alone()
    {
        string session = NewSession();
        new SessionInfo { Command = ["fault"] }.Save(session);
        FaultyRun.Unaffected(session, NoFault, under: QuotaAt("mkdir"));
        ProgramResult info = Programs.AllocReplay("info", session);
        Assert.Equal(3, info.ExitCode);
        Assert.Contains("or the hook could not write here and said so on standard error", FaultyRun.OneLine(info.Error), StringComparison.Ordinal);
    }

    [Fact]
    public void Where_a_recording_ended_before_its_first_call_info_says_why_and_does_not_blame_the_program()
    {
        FaultyRun run = FaultyRun.Unaffected(NewSession(), NoFault, under: QuotaAt("tails"));
        ProgramResult info = Programs.AllocReplay("info", run.Session);
        string said = FaultyRun.OneLine(info.Output + info.Error);
        Assert.Contains("No calls were recorded: could not grow the tails: Disk quota exceeded.", said, StringComparison.Ordinal);
        Assert.DoesNotContain("linked into its executable", said, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_size_limit() =>
        FaultyRun.Unaffected(NewSession(), NoFault, before: "ulimit -f 600")
            .AssertSaid("file size limit reached").AssertInfoNames("File too large");

    [Fact]
    public void A_file_size_limit_of_nothing() =>
        FaultyRun.Unaffected(NewSession(), NoFault, before: "ulimit -f 0").AssertSaid("file size limit reached");

    [Fact]
    public void A_directory_that_cannot_be_written()
    {
        File.WriteAllText(_directory["file"], "");
        FaultyRun.Unaffected(_directory["file/r"], NoFault).AssertSaid("cannot create the recording: not a directory");
    }

    [Fact]
    public void A_read_only_file_system() =>
        FaultyRun.Unaffected(NewDisk("size=1m,ro"), NoFault).AssertSaid("cannot create the recording: read-only file system");

    [Fact]
    public void With_no_descriptor_left_recording_goes_on_and_a_fork_is_not_recorded() =>
        FaultyRun.Unaffected(NewSession(), ["nofile"])
            .AssertSaid("cannot create the recording: out of file descriptors").AssertMallocsOfImages(200_000);

    [Fact]
    public void Closed_descriptors_and_none_to_be_had() =>
        FaultyRun.Unaffected(NewSession(), ["closefrom"])
            .AssertSaid("out of file descriptors").AssertInfoNames("Too many open files");

    [Fact]
    public void A_program_that_drops_its_rights_and_its_root_is_recorded_and_a_later_fork_is_not()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "chroot needs root");
        Directory.CreateDirectory(_directory["jail"]);
        FaultyRun.Unaffected(NewSession(), ["chroot", _directory["jail"]])
            .AssertSaid("cannot create the recording: no such directory").AssertMallocsOfImages(200_000);
    }

    [Fact]
    public void A_set_user_id_program_is_not_recorded()
    {
        FaultyRun run = RunAsNobody(NewSession(), "700", CopyOfFault("4755"));
        Assert.Empty(Directory.GetDirectories(run.Session));
    }

    [Fact] // the control, of the directory that forbids writing too
    public void The_same_program_without_the_bit_is_recorded() =>
        RunAsNobody(NewSession(), "700", CopyOfFault("755")).AssertMallocsOfImages(200_000);

    [Fact]
    public void An_environment_that_is_cleared_before_exec_leaves_the_new_image_alone()
    {
        FaultyRun run = FaultyRun.Unaffected(NewSession(), ["clearenv", Targets.Build("fault.c")]);
        Assert.Single(Directory.GetDirectories(run.Session));
    }

    [Fact]
    public void A_fork_after_the_environment_was_cleared_is_recorded() =>
        FaultyRun.Unaffected(NewSession(), ["clearenv_fork"]).AssertMallocsOfImages(100_000, 200_000);

    [Fact]
    public void A_small_address_space() =>
        FaultyRun.Unaffected(NewSession(), ["address_space"])
            .AssertSaid("cannot grow the tails: out of memory").AssertInfoNames("Cannot allocate memory");

    [Fact]
    public void Ten_thousand_live_threads_are_ten_thousand_streams()
    {
        const int threads = 10_000;
        Assert.SkipWhen(Programs.Run(Targets.Build("many_threads.c"), [$"{threads}"]).ExitCode == 77, "the machine does not allow 10,000 threads");
        FaultyRun run = FaultyRun.Of(NewSession(), [Targets.Build("many_threads.c"), $"{threads}"]);
        Assert.Equal((0, ""), (run.Result.ExitCode, run.Result.Error));

        using TraceReader reader = TraceReader.Open(run.Session);
        var sizes = new HashSet<ulong>();
        while (reader.Read(out TraceEvent e))
            if (e is { Kind: CallKind.Malloc, Thread: > 0 })
                sizes.Add(e.Size);
        Assert.Null(reader.Damage);
        Assert.Equal((threads + 1, threads, 0UL), (reader.Threads.Count, sizes.Count, reader.Process.LostEvents));
        long tails = new FileInfo(Path.Combine(run.Session, reader.Image, "tails")).Length;
        output.WriteLine($"{threads} live threads: tails of {tails} bytes");
        Assert.InRange(tails, 0, (threads + 65L) * 4096 + 262144);
    }

    private string NewSession(string? on = null) => Directory.CreateDirectory(Path.Combine(on ?? _directory.Path, "r")).FullName;

    private static string[] QuotaAt(string step) => [Targets.Build("quota_emulation.c"), step];

    /// <summary>A copy of fault.c's program of root's own, that others can reach.</summary>
    private string CopyOfFault(string mode)
    {
        string program = _directory["program"];
        File.Copy(Targets.Build("fault.c"), program);
        File.SetUnixFileMode(program, Mode(mode));
        return program;
    }

    /// <summary>Runs a program as a user without rights, into a session that is this user's and has this mode.</summary>
    private FaultyRun RunAsNobody(string session, string mode, string program)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "a program of another user needs root");
        Programs.Need("setpriv", "chown");
        string hook = _directory["hook.so"];
        File.Copy(HookBuild.Default, hook); // the tests' own directory may be closed to others
        File.SetUnixFileMode(hook, Mode("755"));
        File.SetUnixFileMode(_directory.Path, Mode("755"));
        File.SetUnixFileMode(session, Mode(mode));
        Assert.Equal(0, Programs.Run("chown", ["65534:65534", session]).ExitCode);
        FaultyRun run = FaultyRun.Of(session, [program, .. NoFault], under: ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"], hook: hook);
        run.AssertUnaffected();
        return run;
    }

    private static UnixFileMode Mode(string octal) => (UnixFileMode)Convert.ToInt32(octal, 8);

    /// <summary>Mounts a file system in memory; it is taken away with the test.</summary>
    private string NewDisk(string options)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "mounting a file system needs root");
        Programs.Need("mount", "umount");
        string directory = Directory.CreateDirectory(_directory["disk"]).FullName;
        ProgramResult mount = Programs.Run("mount", ["-t", "tmpfs", "-o", options, "tmpfs", directory]);
        Assert.SkipWhen(mount.ExitCode != 0, "this machine does not let the test mount a file system: " + mount.Error.Trim());
        _mounts.Add(directory);
        return directory;
    }
}
