using AllocReplay.Formats;
using AllocReplay.Formats.Statistics;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>The hook alone, built for systems that the recorder does not run on, preloaded by hand: what it writes is read here.</summary>
[StartsProcesses]
public sealed class OtherSystemsTests : IDisposable
{
    private const int Threads = 4, Calls = 100_000;

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    /// <summary>In a root that has musl's loader, the program and the hook, and nothing else.</summary>
    [Fact]
    public void A_program_of_musl_is_recorded_where_there_is_nothing_but_musl()
    {
        Programs.Need("musl-gcc", "chroot");
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "chroot needs root");
        string root = _directory["root"];
        foreach (string name in new[] { "lib", "r.allocrec" })
            Directory.CreateDirectory(Path.Combine(root, name));
        // The kernel's headers are glibc's neighbours.
        Build("musl-gcc", root, "-idirafter", "/usr/include", "-idirafter", Directory.GetDirectories("/usr/include", "*-linux-gnu").First());
        string loader = Directory.GetFiles("/lib", "ld-musl-*.so.1").Single();
        File.Copy(new FileInfo(loader).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? loader, root + loader);

        Assert.Equal(0, Programs.Run("chroot", [root, "/steady", $"{Threads}", $"{Calls}"], start =>
        {
            start.Environment["LD_PRELOAD"] = "/hook.so";
            start.Environment["ALLOCREPLAY_DIR"] = "/r.allocrec";
        }).ExitCode);

        IsWhole(Path.Combine(root, "r.allocrec"), allocator: "ld-musl");
    }

    [Fact]
    public void A_program_of_arm64_is_recorded_under_emulation()
    {
        const string libraries = "/usr/aarch64-linux-gnu";
        Programs.Need("aarch64-linux-gnu-gcc", "qemu-aarch64-static");
        Build("aarch64-linux-gnu-gcc", _directory.Path);
        string session = _directory["r.allocrec"];
        Directory.CreateDirectory(session);

        Assert.Equal(0, Programs.Run("qemu-aarch64-static",
        [
            "-L", libraries, "-E", $"LD_PRELOAD={_directory["hook.so"]}", "-E", $"ALLOCREPLAY_DIR={session}", _directory["steady"], $"{Threads}", $"{Calls}",
        ]).ExitCode);

        IsWhole(session, allocator: "libc.so.6");
    }

    private static void Build(string compiler, string directory, params string[] flags)
    {
        HookBuild.For(compiler, Path.Combine(directory, "hook.so"), flags);
        string source = Path.Combine(Targets.SourceDirectory, "steady.c");
        ProgramResult program = Programs.Run(compiler, ["-O1", "-fno-builtin", "-pthread", "-o", Path.Combine(directory, "steady"), source]);
        Assert.True(program.ExitCode == 0, program.Error);
    }

    private static void IsWhole(string session, string allocator)
    {
        using TraceReader reader = TraceReader.Open(session);
        TraceStatistics statistics = TraceStatistics.Of(reader);

        Assert.Contains(allocator, reader.Process.AllocatorPath, StringComparison.Ordinal);
        Assert.Equal((RecordingState.Exited, 0ul), (reader.Process.State, reader.Process.LostEvents));
        Assert.Equal(Threads + 1, reader.Threads.Count);
        Assert.Equal(Threads * Calls, statistics.Calls);
    }
}
