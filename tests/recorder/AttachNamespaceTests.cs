using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using AllocReplay.Formats;
using AllocReplay.Formats.Statistics;
using AllocReplay.Recorder;
using AllocReplay.Recorder.Arena;
using AllocReplay.Recorder.Attach;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>
/// A program that sees other files than who attaches to it, as in a container: the recording's shared memory has no name there. What is recorded is
/// what the program counts, and nothing is left in its files.
/// </summary>
[StartsProcesses]
public sealed class AttachNamespaceTests(ITestOutputHelper output) : IDisposable
{
    private const string OwnMounts = "mount --make-rprivate / && ";

    /// <summary>All places but /dev/shm where there may be something of ours: empty, and the program's own.</summary>
    private const string OwnPlaces = "for d in /tmp /var/tmp /run; do if [ -d $d ]; then mount -t tmpfs -o mode=1777 tmpfs $d || exit 1; fi; done; ";

    private const string Attached = "./attached 2 ./attached_library.so", Start = "exec " + Attached;

    private static readonly string[] Places = ["dev/shm", "tmp", "var/tmp", "run", "elsewhere"];

    /// <summary>What tells those that every run tries, as the rest is much alike: Docker's /dev/shm, none, another user, a chroot.</summary>
    private static readonly string[] Usual = ["noexec", "tmpfs /dev &&", "mode=1777 tmpfs /dev/shm", "chroot root"];

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("unshare -m", OwnMounts + OwnPlaces + "mount -t tmpfs -o size=4m,noexec,nosuid,nodev tmpfs /dev/shm && " + Start)] // as Docker's
    [InlineData("unshare -m", OwnMounts + OwnPlaces + "mount -t tmpfs -o size=4m tmpfs /dev/shm && " + Start)]
    [InlineData("unshare -m", OwnMounts + OwnPlaces + "mount -t tmpfs tmpfs /dev && " + Start)] // there is no /dev/shm, nor /dev/null
    [InlineData("unshare -m", OwnMounts + OwnPlaces + "mount -t tmpfs tmpfs /dev/shm && " + Start + " 2>&-")] // our descriptors would have that number
    [InlineData("unshare -m -n", OwnMounts + OwnPlaces + "mount -t tmpfs tmpfs /dev/shm && " + Start)]
    [InlineData("unshare -m -p --fork", OwnMounts + OwnPlaces + "mount -t tmpfs tmpfs /dev/shm && " + Start)]
    [InlineData("unshare -m", OwnMounts + OwnPlaces + "mount -t tmpfs -o mode=1777 tmpfs /dev/shm && exec " + Other + Attached)]
    // Where that user may write nothing: what is ours lets it in.
    [InlineData("unshare -m", OwnMounts + OwnPlaces + "chmod 755 /tmp /var/tmp /run && mount -t tmpfs -o mode=755 tmpfs /dev/shm && exec " + Other + Attached)]
    // Root of a namespace of users, in whose file systems nobody else has a name, we neither.
    [InlineData(Other + " unshare -U -r -m", OwnMounts + OwnPlaces + "mount -t tmpfs tmpfs /dev/shm && " + Start)]
    [InlineData("sh -c", "mkdir -p root/elsewhere && ln -s /elsewhere root/tmp && cp -L --parents $(ldd ./hook.so | grep -o '/[^ ]*') root && "
        + "cp attached attached_library.so root && exec chroot root " + Attached)] // with no /proc either, and a link that is its own
    public void A_program_that_sees_other_files_is_attached_to(string namespaces, string start)
    {
        bool isUsual = Usual.Any(u => start.Contains(u, StringComparison.Ordinal));
        Assert.SkipUnless(isUsual || Effort.OfLong(1, usual: 0) > 0, "only in ./build.sh test --all");
        using RunningProgram program = Program(namespaces, start, out int pid);
        string own = OwnPid(pid);
        int rounds = start.Contains("noexec", StringComparison.Ordinal) ? 2 : Effort.OfLong(2, usual: 1); // each is alike once it is attached to
        for (int round = 0; round < rounds; round++)
        {
            string recording = _directory[$"r{round}.allocrec"];
            long before = program.WorkSome();
            using var attached = new AttachedRecorder(pid, recording);
            string arena = new FileInfo(Path.Combine(recording, "arena")).LinkTarget!;
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(arena));
            Assert.Equal([], Left(pid));
            long during = program.WorkSome() - before, child = program.Do("fork");
            Assert.Contains($"p{own}.0", Programs.AllocReplay("control", $"{pid}", "status").Output, StringComparison.Ordinal);
            Assert.Equal(recording, SharedArena.SessionOf($"/proc/{pid}"));
            if (round == 0)
            {
                attached.Detach();
            }
            else
            {
                ProgramResult detached = Programs.AllocReplay("detach", $"{pid}");
                Assert.True(detached.ExitCode == 0, detached.Error);
                Assert.Equal(0, attached.Wait());
            }
            output.WriteLine($"{during} calls; {attached.Said}");
            using Trace trace = Trace.Open(recording);
            using TraceReader parent = trace.OpenImage($"p{own}.0"), forked = trace.OpenImage($"p{child}.0");
            Assert.Equal(during, TraceStatistics.Of(parent).Calls + (long)parent.Process.LostEvents);
            Assert.Equal((1000, true), (TraceStatistics.Of(forked).Calls, forked.Process.Forked));
        }
        Assert.Equal([], Left(pid));
        Assert.True(program.WorkSome() > 0);
        Assert.Equal(0, program.Finish());
    }

    /// <summary>All is read-only, and what is not may not be executed from: that is told, and where room can be made.</summary>
    [Fact]
    public void Where_no_library_can_be_opened_from_it_is_refused_with_each_place_and_why()
    {
        using RunningProgram program = Program("unshare -m", OwnMounts + OwnPlaces + "mount -o remount,ro /tmp && mount -o remount,ro /var/tmp && "
            + "mount -o remount,ro /run && mount -t tmpfs -o noexec tmpfs /dev/shm && " + Start, out int pid);
        ProgramResult refused = Programs.AllocReplay("attach", $"{pid}", "-o", _directory["refused.allocrec"]);
        output.WriteLine(refused.Error);
        Assert.Equal(4, refused.ExitCode);
        Assert.Contains("/dev/shm: is mounted noexec, /tmp: Read-only file system", refused.Error, StringComparison.Ordinal);
        Assert.Contains("/dev/shm: is mounted noexec, /tmp: Read-only file system", Attachment.WhyNot(pid), StringComparison.Ordinal);
        Assert.Equal([], Left(pid));
        Assert.Equal(0, Programs.Run("nsenter", ["--target", $"{pid}", "--mount", "mount", "-o", "remount,exec", "/dev/shm"]).ExitCode);
        using (var attached = new AttachedRecorder(pid, _directory["r.allocrec"]))
            attached.Detach();
        Assert.Equal(0, program.Finish());
    }

    /// <summary>A tree with what the program needs has not what the recorder's library does.</summary>
    [Fact]
    public void A_library_that_is_missing_in_its_tree_is_named()
    {
        using RunningProgram program = Program("sh -c", "mkdir -p root/tmp && cp -L --parents $(ldd ./attached | grep -o '/[^ ]*') root && "
            + "cp attached attached_library.so root && exec chroot root " + Attached, out int pid);
        string[] libraries = File.ReadAllText($"/proc/{pid}/maps").Split('\n');
        Assert.SkipWhen(libraries.Any(l => l.EndsWith("/libdl.so.2", StringComparison.Ordinal)), "the program has it");
        const string why = "it has no libdl.so.2 and no libpthread.so.0 in its view of files";
        Assert.Contains(why, Attachment.WhyNot(pid), StringComparison.Ordinal);
        ProgramResult refused = Programs.AllocReplay("attach", $"{pid}", "-o", _directory["refused.allocrec"]);
        Assert.Equal(4, refused.ExitCode);
        Assert.Contains(why, refused.Error, StringComparison.Ordinal);
        Assert.Equal(0, program.Finish());
    }

    /// <summary>It has no descriptor left when it is attached to again: that is told, it goes on, and the next time is as any other.</summary>
    [Fact]
    public void A_program_that_cannot_reach_the_socket_goes_on_and_its_reason_is_told()
    {
        Programs.Need("prlimit");
        using RunningProgram program = Program("unshare -m", OwnMounts + OwnPlaces + "mount -t tmpfs tmpfs /dev/shm && " + Start, out int pid);
        using (var first = new AttachedRecorder(pid, _directory["r0.allocrec"]))
            first.Detach();
        Assert.Equal(0, Programs.Run("prlimit", ["--pid", $"{pid}", "--nofile=3:1024"]).ExitCode);
        ProgramResult refused = Programs.AllocReplay("attach", $"{pid}", "-o", _directory["refused.allocrec"]);
        Assert.Equal(4, refused.ExitCode);
        Assert.Contains("Too many open files", refused.Error, StringComparison.Ordinal);
        Assert.Equal([], Left(pid));
        Assert.Equal(0, Programs.Run("prlimit", ["--pid", $"{pid}", "--nofile=1024:1024"]).ExitCode);
        long before = program.WorkSome();
        using (var again = new AttachedRecorder(pid, _directory["r1.allocrec"]))
        {
            long during = program.WorkSome() - before;
            again.Detach();
            using TraceReader reader = TraceReader.Open(_directory["r1.allocrec"]);
            Assert.Equal(during, TraceStatistics.Of(reader).Calls + (long)reader.Process.LostEvents);
        }
        Assert.Equal(0, program.Finish());
    }

    /// <summary>We are root, and so may connect; the program's own user may too. But the shared memory is for the program alone.</summary>
    [Fact]
    public void A_stranger_at_the_socket_gets_nothing_and_the_program_still_does()
    {
        using RunningProgram program = Program("unshare -m", OwnMounts + OwnPlaces + "mount -t tmpfs tmpfs /dev/shm && " + Start, out int pid);
        string session = _directory["s"];
        Directory.CreateDirectory(session, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        using SharedArena arena = SharedArena.Create(session);
        using TargetProgram target = TargetProgram.Open(pid), ourselves = TargetProgram.Open(Environment.ProcessId);
        try
        {
            using DirectoryInside there = DirectoryInside.Make(target, isForCode: true);
            Assert.Single(Left(pid));
            using (var handover = Handover.In(there, target, arena))
                Assert.Equal(0, Answer(there, handover));
            using DirectoryInside here = DirectoryInside.Make(ourselves, isForCode: true);
            using (var handover = Handover.In(here, ourselves, arena)) // the control: were we the program, it would be given
                Assert.Equal(1, Answer(here, handover));
        }
        finally
        {
            arena.Remove(session);
        }
        Assert.Equal([], Left(pid));
        Assert.Equal(0, program.Finish());
    }

    /// <summary>The directory is the program's user's, who may be quick: what a link in the hook's place leads to is not written to.</summary>
    [Fact]
    public void A_link_in_the_place_of_the_hook_is_not_followed()
    {
        string other = _directory["other"];
        File.WriteAllText(other, "theirs");
        using TargetProgram ourselves = TargetProgram.Open(Environment.ProcessId);
        using DirectoryInside directory = DirectoryInside.Make(ourselves, isForCode: true);
        string link = directory.Outside(Path.GetFileName(HookBuild.Default));
        File.CreateSymbolicLink(link, other);
        Assert.Throws<ControlException>(() => HookCopy.Put(directory, ourselves, HookBuild.Default, []));
        Assert.Equal("theirs", File.ReadAllText(other));
        File.Delete(link);
        HookCopy.Put(directory, ourselves, HookBuild.Default, []); // the control
        Assert.Equal(new FileInfo(HookBuild.Default).Length, new FileInfo(link).Length);
    }

    /// <returns>How many bytes who connects is sent.</returns>
    private static int Answer(DirectoryInside directory, Handover handover)
    {
        using var stranger = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        stranger.Connect(new UnixDomainSocketEndPoint(directory.Outside("arena")));
        handover.Serve();
        return stranger.Receive(new byte[1]);
    }

    private const string Other = "setpriv --reuid=65534 --regid=65534 --clear-groups ";

    /// <summary>Root's own groups may open what the program's user may not.</summary>
    [Fact]
    public void Who_acts_as_another_user_is_in_no_group_of_its_own_meanwhile()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root may act as others");
        string before = Groups();
        using (ActingAs.UserOf(ProcessStatus.Of(Environment.ProcessId)!))
            Assert.Equal("", Groups());
        Assert.Equal(before, Groups());

        static string Groups() =>
            File.ReadLines("/proc/thread-self/status").Single(l => l.StartsWith("Groups:", StringComparison.Ordinal))["Groups:".Length..].Trim();
    }

    /// <summary>Starts attached.c below other commands; skips where we may not.</summary>
    private RunningProgram Program(string namespaces, string start, out int pid)
    {
        Assert.SkipUnless(RuntimeInformation.ProcessArchitecture == Architecture.X64, "attaching is built for x86-64");
        Programs.Need("unshare", "setpriv", "chroot", "mount", "ldd", "nsenter");
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root may attach to what has other namespaces");
        string[] words = namespaces.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words is not ["sh", ..])
        {
            Assert.SkipUnless(Programs.Run(words[0], [.. words[1..], "true"]).ExitCode == 0, $"this user may not: {namespaces}");
            words = [.. words, "sh", "-c"];
        }
        // Where other users come to it, and where it is reached when other files lie over the way there.
        const UnixFileMode pass = UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
        string files = _directory["files"];
        Directory.CreateDirectory(files);
        File.Copy(Targets.Build("attached.c"), Path.Combine(files, "attached"));
        File.Copy(Targets.Build("attached_library.c", "-shared", "-fPIC"), Path.Combine(files, "attached_library.so"));
        File.Copy(HookBuild.Default, Path.Combine(files, "hook.so")); // what it needs, a program's file system has to have: here by ldd
        foreach (string path in (ReadOnlySpan<string>)[_directory.Path, files, .. Directory.GetFiles(files)])
            File.SetUnixFileMode(path, File.GetUnixFileMode(path) | pass);
        var program = new RunningProgram(words[0], [.. words[1..], $"cd {files} && {start}"]);
        string children = File.ReadAllText($"/proc/{program.Pid}/task/{program.Pid}/children").Trim();
        pid = children.Length == 0 ? program.Pid : int.Parse(children, CultureInfo.InvariantCulture);
        return program;
    }

    private static string OwnPid(int pid) => $"{ProcessStatus.Of(pid)!.OwnPid}";

    /// <summary>What of ours is in a program's files.</summary>
    private static string[] Left(int pid) =>
        [.. from place in Places
            let path = $"/proc/{pid}/root/{place}"
            where Directory.Exists(path) && !IsOurs(pid, place)
            from name in Directory.GetFileSystemEntries(path, "allocreplay*")
            select name];

    /// <summary>Whether it is the same for us, and so for all other tests.</summary>
    private static bool IsOurs(int pid, string place) =>
        Directory.Exists("/" + place) && Programs.Run("stat", ["-Lc", "%d %i", "/" + place]).Output
            == Programs.Run("stat", ["-Lc", "%d %i", $"/proc/{pid}/root/{place}"]).Output;
}
