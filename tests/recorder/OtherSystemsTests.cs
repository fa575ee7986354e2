using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
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
        string kernel = Directory.GetDirectories("/usr/include", "*-linux-gnu").First();
        string program = Build("musl-gcc", root, "steady.c", "-idirafter", "/usr/include", "-idirafter", kernel);
        string loader = Directory.GetFiles("/lib", "ld-musl-*.so.1").Single();
        File.Copy(new FileInfo(loader).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? loader, root + loader);

        Assert.Equal(0, Programs.Run("chroot", [root, "/" + program, $"{Threads}", $"{Calls}"], start =>
        {
            start.Environment["LD_PRELOAD"] = "/hook.so";
            start.Environment["ALLOCREPLAY_DIR"] = "/r.allocrec";
        }).ExitCode);

        using TraceReader reader = Whole(Path.Combine(root, "r.allocrec"));
        Assert.Contains("ld-musl", reader.Process.AllocatorPath, StringComparison.Ordinal);
        Assert.Equal(Threads * Calls, TraceStatistics.Of(reader).Calls);
    }

    [Fact]
    public void A_program_of_arm64_is_recorded_under_emulation()
    {
        const string libraries = "/usr/aarch64-linux-gnu";
        Programs.Need("aarch64-linux-gnu-gcc", "qemu-aarch64-static");
        string program = Build("aarch64-linux-gnu-gcc", _directory.Path, "known_calls.c"), session = _directory["r.allocrec"];
        Directory.CreateDirectory(session);

        Assert.Equal(0, Programs.Run("qemu-aarch64-static",
            ["-L", libraries, "-E", $"LD_PRELOAD={_directory["hook.so"]}", "-E", $"ALLOCREPLAY_DIR={session}", _directory[program]]).ExitCode);

        using TraceReader reader = Whole(session);
        Assert.Equal("aarch64", reader.Process.Architecture);
        var events = new List<TraceEvent>();
        while (reader.Read(out TraceEvent e))
            events.Add(e);
        for (int thread = 1; thread <= Threads; thread++)
            KnownCalls.AssertSequence([.. events.Where(e => e.Thread == thread)]);
        reader.Seek(0);
        Assert.Equal(KnownCalls.Counts, KnownCalls.CountsOf(TraceStatistics.Of(reader)));
    }

    /// <summary>The hook, and a target beside it, whose name is returned.</summary>
    private static string Build(string compiler, string directory, string source, params string[] flags)
    {
        string name = Path.GetFileNameWithoutExtension(source);
        HookBuild.For(compiler, Path.Combine(directory, "hook.so"), flags);
        ProgramResult program = Programs.Run(
            compiler, ["-O1", "-fno-builtin", "-pthread", "-o", Path.Combine(directory, name), Path.Combine(Targets.SourceDirectory, source)]);
        Assert.True(program.ExitCode == 0, program.Error);
        return name;
    }

    private static TraceReader Whole(string session)
    {
        TraceReader reader = TraceReader.Open(session);
        Assert.Equal((RecordingState.Exited, 0ul), (reader.Process.State, reader.Process.LostEvents));
        Assert.Equal(Threads + 1, reader.Threads.Count);
        return reader;
    }
}
