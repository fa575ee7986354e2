using AllocReplay.Formats;
using AllocReplay.Formats.Statistics;
using AllocReplay.Recorder;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>Programs that the drain sees otherwise than they see themselves: other process ids, another /dev/shm, hidden, left behind.</summary>
[StartsProcesses]
public sealed class NamespaceTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private string Recording => _directory["r.allocrec"];

    private string[] Record => [Programs.AllocReplayCommand, "record", "-q", "-o", Recording, "--"];

    public void Dispose() => _directory.Dispose();

    /// <summary>
    /// Each calls itself 1, as the machine's own first process does, which is another and records nothing. They begin at once and end one
    /// after the other: a recording that went by another's end would miss its last part.
    /// </summary>
    [Fact]
    public void Programs_in_namespaces_of_process_ids_are_recorded_whole()
    {
        const int programs = 6, calls = 200_000;
        Need("--pid", "--fork");
        string all = string.Concat(Enumerable.Range(1, programs).Select(i => $"unshare --pid --fork {Targets.Build("steady.c")} 2 {i * calls} & "));

        ProgramResult result = Programs.Run("timeout", ["60", .. Record, "sh", "-c", all + "wait"]);

        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.False(Directory.EnumerateFileSystemEntries(Recording, "arena").Any(), "the drain goes on");
        using Trace trace = Trace.Open(Recording);
        var recorded = new List<long>();
        foreach (ProcessImage image in trace.Images.Where(i => i.Name.StartsWith("p1.", StringComparison.Ordinal)))
        {
            using TraceReader reader = trace.OpenImage(image.Name);
            // Busy threads may be ahead of the drain: what it could not take is counted.
            recorded.Add(TraceStatistics.Of(reader).Calls + (long)reader.Process.LostEvents);
        }
        recorded.Sort();
        Assert.Equal(programs, recorded.Count);
        Assert.All(recorded.Index(), r => Assert.InRange(r.Item, 2 * calls * (r.Index + 1), 2 * calls * (r.Index + 1) + 1000));
    }

    /// <summary>It cannot be looked at by the drain, which is no root then: it is recorded to its end all the same.</summary>
    [Fact]
    public void A_program_that_hides_from_its_own_user_is_recorded_whole()
    {
        const int calls = 1_000_000;
        Programs.Need("setpriv", "chmod");
        string program = _directory["undumpable"];
        File.Copy(Targets.Build("undumpable.c"), program);
        Assert.Equal(0, Programs.Run("chmod", ["777", _directory.Path]).ExitCode);
        string[] other = ["--reuid=65534", "--regid=65534", "--clear-groups", "env", $"HOME={_directory.Path}"];
        Assert.SkipUnless(Programs.Run("setpriv", [.. other, program, "0"]).ExitCode == 0, "this user may not become another");
        Assert.SkipUnless(Programs.Run("setpriv", [.. other, Programs.AllocReplayCommand, "--version"]).ExitCode == 0, "another user may not run this build");

        ProgramResult result = Programs.Run("setpriv", [.. other, .. Record, program, $"{calls}"]);

        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        using TraceReader reader = TraceReader.Open(Recording);
        Assert.InRange(TraceStatistics.Of(reader).Calls + (long)reader.Process.LostEvents, 2 * calls, 2 * calls + 1000);
    }

    /// <summary>Containers give 64 MiB and less, which others use too.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(24)]
    [InlineData(60)]
    public void A_small_dev_shm_is_enough_or_is_not_used(int mebibytes)
    {
        const int calls = 1_000_000;
        Need("--mount");
        string mount = $"mount --make-rprivate / && mount -t tmpfs -o size={mebibytes}M tmpfs /dev/shm && exec \"$@\"";

        ProgramResult result = Programs.Run("unshare", ["--mount", "sh", "-c", mount, "sh", .. Record, Targets.Build("steady.c"), "2", $"{calls}"]);

        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        using TraceReader reader = TraceReader.Open(Recording);
        Assert.InRange(TraceStatistics.Of(reader).Calls + (long)reader.Process.LostEvents, 2 * calls, 2 * calls + 1000);
    }

    /// <summary>A disk that takes no more files: the program goes on, and what is said does not grow with what it starts.</summary>
    [Fact]
    public void A_disk_without_room_for_files_is_told_in_a_few_lines_and_leaves_nothing_half_made()
    {
        Need("--mount");
        string disk = _directory["disk"];
        Directory.CreateDirectory(disk);
        string mount = $"mount --make-rprivate / && mount -t tmpfs -o size=64M,nr_inodes=40 tmpfs {disk} && \"$@\"; code=$?; ls {disk}/r.allocrec; exit $code";
        string many = "i=0; while [ $i -lt 50 ]; do /bin/true; i=$((i + 1)); done; exit 7";

        ProgramResult result = Programs.Run("unshare", ["--mount", "sh", "-c", mount, "sh", Programs.AllocReplayCommand, "record", "-q", "-o",
            Path.Combine(disk, "r.allocrec"), "--", "sh", "-c", many]);

        Assert.Equal(7, result.ExitCode);
        Assert.Contains("not recorded", result.Error, StringComparison.Ordinal);
        Assert.InRange(result.Error.Split('\n').Length, 2, 6);
        Assert.InRange(result.Output.Split('\n').Count(n => n.StartsWith('p')), 1, 20); // images; each takes five files
    }

    /// <summary>Who reads what record says waits for its end, not for that of what the command left behind.</summary>
    [Fact]
    public void What_record_says_ends_with_it_though_a_daemon_goes_on()
    {
        Programs.Need("setsid", "sleep");
        ProgramResult result = Programs.Run("timeout", ["60", .. Record, "sh", "-c", "setsid sleep 300 < /dev/null > /dev/null 2>&1 & echo $!"]);
        int daemon = int.Parse(result.Output, System.Globalization.CultureInfo.InvariantCulture);
        bool goesOn = Signals.Reach(daemon);
        Signals.Send(daemon, 9);
        Assert.Equal((0, "", true), (result.ExitCode, result.Error, goesOn));
    }

    private static void Need(params string[] namespaces)
    {
        Programs.Need("unshare");
        Assert.SkipUnless(Programs.Run("unshare", [.. namespaces, "true"]).ExitCode == 0, "this user may not make namespaces");
    }
}
