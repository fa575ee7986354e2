using AllocReplay.Formats;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests;

/// <summary>Whatever happens to the recording, the program runs as if there were none, and the recording says where it ended.</summary>
public sealed class FaultTests(ITestOutputHelper output) : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly List<string> _mounts = [];

    private string Session => _directory["r"];

    public void Dispose()
    {
        foreach (string mount in _mounts)
            Programs.Run("umount", [mount]);
        _directory.Dispose();
    }

    [Fact]
    public void A_full_disk()
    {
        Mount(_directory["small"], "size=768k");
        Directory.CreateDirectory(_directory["small/r"]);
        ProgramResult result = RunUnaffected(_directory["small/r"], "", "none");
        Assert.Contains("no space left on the device", result.Error, StringComparison.Ordinal);
        AssertEnds(_directory["small/r"], "No space left on device");
    }

    /// <summary>Of the sizes at which a disk can be full, each meets the hook at another step.</summary>
    [Theory]
    [InlineData(8)]
    [InlineData(16)]
    [InlineData(32)]
    [InlineData(300)]
    public void A_disk_that_is_full_from_the_start(int kilobytes)
    {
        Mount(_directory["small"], $"size={kilobytes}k");
        Directory.CreateDirectory(_directory["small/r"]);
        ProgramResult result = RunUnaffected(_directory["small/r"], "", "none");
        Assert.Contains("no space left on the device", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_size_limit()
    {
        Directory.CreateDirectory(Session);
        ProgramResult result = RunUnaffected(Session, "ulimit -f 600", "none");
        Assert.Contains("file size limit reached", result.Error, StringComparison.Ordinal);
        AssertEnds(Session, "File too large");
    }

    [Fact]
    public void A_file_size_limit_of_nothing()
    {
        Directory.CreateDirectory(Session);
        ProgramResult result = RunUnaffected(Session, "ulimit -f 0", "none");
        Assert.Contains("file size limit reached", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_that_cannot_be_written()
    {
        File.WriteAllText(_directory["file"], "");
        ProgramResult result = RunUnaffected(_directory["file/r"], "", "none");
        Assert.Contains("cannot create the recording: not a directory", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_read_only_file_system()
    {
        Mount(_directory["ro"], "size=1m,ro");
        ProgramResult result = RunUnaffected(_directory["ro"], "", "none");
        Assert.Contains("cannot create the recording: read-only file system", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void With_no_descriptor_left_recording_goes_on_and_a_fork_is_not_recorded()
    {
        Directory.CreateDirectory(Session);
        ProgramResult result = RunUnaffected(Session, "", "nofile");
        Assert.Contains("cannot create the recording: out of file descriptors", result.Error, StringComparison.Ordinal);
        Assert.Equal([200000L], AcquisitionsOfImages(Session));
    }

    [Fact]
    public void Closed_descriptors_and_none_to_be_had()
    {
        Directory.CreateDirectory(Session);
        ProgramResult result = RunUnaffected(Session, "", "closefrom");
        Assert.Contains("out of file descriptors", result.Error, StringComparison.Ordinal);
        AssertEnds(Session, "Too many open files");
    }

    [Fact]
    public void A_program_that_drops_its_rights_and_its_root_is_recorded_and_a_later_fork_is_not()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "chroot needs root");
        Directory.CreateDirectory(Session);
        Directory.CreateDirectory(_directory["jail"]);
        ProgramResult result = RunUnaffected(Session, "", "chroot", _directory["jail"]);
        Assert.Contains("cannot create the recording: no such directory", result.Error, StringComparison.Ordinal);
        Assert.Equal([200000L], AcquisitionsOfImages(Session));
    }

    [Fact]
    public void A_set_user_id_program_is_not_recorded()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "a program of another user needs root");
        Directory.CreateDirectory(Session);
        File.SetUnixFileMode(_directory.Path, (UnixFileMode)Convert.ToInt32("755", 8));
        File.SetUnixFileMode(Session, (UnixFileMode)Convert.ToInt32("777", 8));
        string program = _directory["setuid"];
        File.Copy(Targets.Build("fault.c"), program);
        File.SetUnixFileMode(program, (UnixFileMode)Convert.ToInt32("4755", 8));
        ProgramResult result = Programs.Run("setpriv",
            ["--reuid=65534", "--regid=65534", "--clear-groups", "env", $"LD_PRELOAD={HookBuild.Default}", $"ALLOCREPLAY_DIR={Session}", program]);
        Assert.Equal((0, "done\n"), (result.ExitCode, result.Output));
        // env itself is not set-user-ID: where the hook can be read by others, it is recorded; the program never is.
        Assert.DoesNotContain(Directory.GetDirectories(Session), d => File.ReadAllText(Path.Combine(d, "cmdline")).StartsWith(program, StringComparison.Ordinal));
    }

    [Fact]
    public void An_environment_that_is_cleared_before_exec_leaves_the_new_image_alone()
    {
        Directory.CreateDirectory(Session);
        RunUnaffected(Session, "", "clearenv", Targets.Build("fault.c"));
        Assert.Single(Directory.GetDirectories(Session));
    }

    [Fact]
    public void A_fork_after_the_environment_was_cleared_is_recorded()
    {
        Directory.CreateDirectory(Session);
        RunUnaffected(Session, "", "clearenv_fork");
        Assert.Equal([100000L, 200000L], AcquisitionsOfImages(Session));
    }

    [Fact]
    public void A_small_address_space()
    {
        Directory.CreateDirectory(Session);
        ProgramResult result = RunUnaffected(Session, "", "address_space");
        Assert.Contains("cannot grow the tails: out of memory", result.Error, StringComparison.Ordinal);
        AssertEnds(Session, "Cannot allocate memory");
    }

    [Fact]
    public void Ten_thousand_live_threads_are_ten_thousand_streams()
    {
        const int threads = 10_000;
        Assert.SkipWhen(Programs.Run(Targets.Build("many_threads.c"), [$"{threads}"]).ExitCode == 77, "the machine does not allow 10,000 threads");
        Directory.CreateDirectory(Session);
        ProgramResult result = Run(Targets.Build("many_threads.c"), Session, "", $"{threads}");
        Assert.Equal((0, ""), (result.ExitCode, result.Error));

        using TraceReader reader = TraceReader.Open(Session);
        var sizes = new HashSet<ulong>();
        while (reader.Read(out TraceEvent e))
            if (e is { Kind: CallKind.Malloc, Thread: > 0 })
                sizes.Add(e.Size);
        Assert.Null(reader.Damage);
        Assert.Equal((threads + 1, threads, 0UL), (reader.Threads.Count, sizes.Count, reader.Process.LostEvents));
        long tails = new FileInfo(Path.Combine(Session, reader.Image, "tails")).Length;
        output.WriteLine($"{threads} live threads: tails of {tails} bytes");
        Assert.InRange(tails, 0, (threads + 65L) * 4096 + 262144);
    }

    private static ProgramResult RunUnaffected(string session, string before, params string[] arguments)
    {
        ProgramResult result = Run(Targets.Build("fault.c"), session, before, arguments);
        Assert.True((result.ExitCode, result.Output) == (0, "done\n"), $"exit code {result.ExitCode}, output '{result.Output}': {result.Error}");
        Assert.True(result.Error.Split('\n').Count(l => l.StartsWith("allocreplay: ", StringComparison.Ordinal)) <= 1, result.Error);
        return result;
    }

    /// <summary>Runs a program under the hook, after a command of the shell, such as one that sets a limit.</summary>
    private static ProgramResult Run(string program, string session, string before, params string[] arguments) =>
        Programs.Run("sh", ["-c", $"{(before.Length > 0 ? before + "; " : "")}export LD_PRELOAD ALLOCREPLAY_DIR; LD_PRELOAD=$0 ALLOCREPLAY_DIR=$1; shift; exec \"$@\"",
            HookBuild.Default, session, program, .. arguments]);

    private static void AssertEnds(string session, string reason)
    {
        ProgramResult info = Programs.AllocReplay("info", session);
        Assert.Equal(0, info.ExitCode);
        Assert.Contains(reason, string.Join(' ', info.Output.Split((char[])['\n', ' '], StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    private static long[] AcquisitionsOfImages(string session) =>
        [.. Directory.GetDirectories(session).Select(image =>
        {
            using TraceReader reader = TraceReader.Open(image);
            TraceStatistics statistics = TraceStatistics.Of(reader);
            Assert.Null(reader.Damage);
            Assert.Equal(0UL, reader.Process.LostEvents);
            return statistics.CountOf(CallKind.Malloc);
        }).Order()];

    private void Mount(string directory, string options)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "mounting a file system needs root");
        Directory.CreateDirectory(directory);
        ProgramResult mount = Programs.Run("mount", ["-t", "tmpfs", "-o", options, "tmpfs", directory]);
        Assert.SkipWhen(mount.ExitCode != 0, "this machine does not let the test mount a file system: " + mount.Error.Trim());
        _mounts.Add(directory);
    }
}
