using System.Collections.Concurrent;
using System.Diagnostics;
using AllocReplay.Recorder;

namespace AllocReplay.Tests.Support;

/// <summary>Builds of the hook.</summary>
internal static class HookBuild
{
    private static readonly TemporaryDirectory BuildDirectory = new();
    private static readonly ConcurrentDictionary<string, Lazy<string>> Built = new();

    static HookBuild() => AppDomain.CurrentDomain.ProcessExit += (_, _) => BuildDirectory.Dispose();

    public static string Default { get; } = Path.Combine(AppContext.BaseDirectory, "liballocreplay.so");

    public static string MallocHook { get; } = Path.Combine(AppContext.BaseDirectory, "liballocreplay-mallochook.so");

    /// <summary>Builds the hook with more flags, as the product does otherwise.</summary>
    public static string With(string output, params string[] flags) => Compile("cc", output, "hook", flags);

    /// <summary>For another system, by the compiler that makes its programs; once a run.</summary>
    public static string For(string compiler, params string[] flags) =>
        Built.GetOrAdd($"{compiler} {string.Join(' ', flags)}", key =>
            new Lazy<string>(() => Compile(compiler, BuildDirectory[key.Replace('/', '_').Replace(' ', '_') + ".so"], "hook", flags))).Value;

    /// <summary>As <see cref="With"/>, the library that MallocHook tells.</summary>
    public static string MallocHookWith(string output, params string[] flags) => Compile("cc", output, "mallochook", flags);

    private static string Compile(string compiler, string output, string source, string[] flags)
    {
        string recorder = Path.Combine(SourceTree.Root, "recorder"), core = Path.Combine(recorder, "core");
        string[] fixedFlags = ["-std=c11", "-D_GNU_SOURCE", "-O2", "-g", "-fPIC", "-shared", "-fvisibility=hidden", "-ftls-model=initial-exec", "-fno-builtin"];
        IEnumerable<string> sources = new[] { core, Path.Combine(recorder, source) }.SelectMany(d => Directory.GetFiles(d, "*.c"));
        ProgramResult result = Programs.Run(compiler,
            [.. fixedFlags, "-include", Path.Combine(core, "glibc_floor.h"), .. flags, "-I", core, "-I", Path.Combine(SourceTree.Root, "formats", "native"),
                "-o", output, .. sources, "-ldl", "-lpthread"]);
        Assert.True(result.ExitCode == 0, result.Error);
        return output;
    }
}

/// <summary>The target witness.c, or another that ends with its standard input, running under a hook, its recording stopped and started by the test.</summary>
internal sealed class Witness : IDisposable
{
    private readonly Process _process;

    public Witness(string session, string hook, int threads = 4, string? program = null)
        : this(session, hook, program ?? Targets.Build("witness.c"), [$"{threads}"])
    {
    }

    public Witness(string session, string hook, string program, string[] arguments)
    {
        Directory.CreateDirectory(session);
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true };
        start.Environment["LD_PRELOAD"] = hook;
        start.Environment["ALLOCREPLAY_DIR"] = session;
        SessionSwitch.Close(session);
        _process = Process.Start(start)!;
        Image = Path.Combine(session, $"p{_process.Id}.0");
        // The hook creates the page last but one; its magic is stored when all of it is there.
        SpinWait.SpinUntil(() => _process.HasExited || IsReady(), TimeSpan.FromSeconds(20));
        Assert.True(IsReady(), "the witness does not start");
    }

    public string Image { get; }

    public int Pid => _process.Id;

    public ControlledProcess Open(ControlledProcess.Omission omit = ControlledProcess.Omission.Nothing) => ControlledProcess.Open(Image, omit);

    /// <summary>Lets the program end and waits for it.</summary>
    public int Finish()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    private bool IsReady()
    {
        try
        {
            using ControlledProcess _ = ControlledProcess.Open(Image);
            return true;
        }
        catch (ControlException)
        {
            return false;
        }
    }
}
