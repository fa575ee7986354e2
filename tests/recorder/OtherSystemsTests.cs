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

    /// <summary>
    /// What a program calls here, it calls there, and none is lost. Not those that fork: the emulation does not wipe what the kernel would in a child
    /// (MADV_WIPEONFORK), by which a child is known.
    /// </summary>
    [Theory]
    [InlineData("thread_exit.c")]
    [InlineData("thread_names.c")]
    [InlineData("short_threads.c", "200")]
    [InlineData("many_threads.c", "64")]
    [InlineData("producer_consumer.c")]
    [InlineData("children.c")]
    [InlineData("close_all.c")]
    [InlineData("steady.c", "4", "20000")]
    public void A_program_of_arm64_makes_the_calls_that_it_makes_here(string source, params string[] arguments)
    {
        Programs.Need("aarch64-linux-gnu-gcc", "qemu-aarch64-static");
        Assert.SkipUnless(System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.X64,
            "it is compared with x86-64");
        (int ExitCode, string Calls) here = CallsOf("cc", [], source, arguments),
            there = CallsOf("aarch64-linux-gnu-gcc", ["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu"], source, arguments);
        Assert.Contains("Malloc", here.Calls, StringComparison.Ordinal);
        Assert.Equal(here, there);
    }

    /// <summary>How often each call was made, in all images and threads.</summary>
    private (int ExitCode, string Calls) CallsOf(string compiler, string[] emulator, string source, string[] arguments)
    {
        string directory = Directory.CreateDirectory(_directory[compiler]).FullName;
        string session = Directory.CreateDirectory(Path.Combine(directory, "r.allocrec")).FullName;
        string program = Path.Combine(directory, Build(compiler, directory, source)), hook = Path.Combine(directory, "hook.so");
        string[] variables = [$"LD_PRELOAD={hook}", $"ALLOCREPLAY_DIR={session}"];
        string[] command = emulator.Length > 0 ? [.. emulator, .. variables.SelectMany(v => new[] { "-E", v }), program] : ["env", .. variables, program];
        int exitCode = Programs.Run(command[0], [.. command[1..], .. arguments]).ExitCode;
        var calls = new SortedDictionary<string, int>(StringComparer.Ordinal);
        using Trace trace = Trace.Open(session);
        foreach (ProcessImage image in trace.Images)
        {
            using TraceReader reader = trace.OpenImage(image.Name);
            Assert.Equal(0ul, reader.Process.LostEvents);
            while (reader.Read(out TraceEvent e))
            {
                if (e is { Kind: CallKind.Free, IsNull: true })
                    continue; // the C library's, of storage that a thread did not have
                string call = $"{e.Kind} {e.Size} {e.Count} {e.Alignment}";
                calls[call] = calls.GetValueOrDefault(call) + 1;
            }
        }
        return (exitCode, string.Join('\n', calls.Select(c => $"{c.Key}: {c.Value}")));
    }

    /// <summary>The hook, and a target beside it, whose name is returned.</summary>
    private static string Build(string compiler, string directory, string source, params string[] flags)
    {
        string name = Path.GetFileNameWithoutExtension(source);
        File.Copy(HookBuild.For(compiler, flags), Path.Combine(directory, "hook.so"));
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
