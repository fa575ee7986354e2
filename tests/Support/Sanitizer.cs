using System.Collections.Concurrent;

namespace AllocReplay.Tests.Support;

/// <summary>A build of the hook under a sanitizer whose runtime interposes malloc itself, and what it takes to load it into any program.</summary>
internal sealed class Sanitizer
{
    private static readonly TemporaryDirectory BuildDirectory = new();
    private static readonly ConcurrentDictionary<string, Lazy<string>> Built = new();

    private readonly string _library;
    private readonly string[] _flags;
    private int _builds;

    static Sanitizer() => AppDomain.CurrentDomain.ProcessExit += (_, _) => BuildDirectory.Dispose();

    private Sanitizer(string library, int exitRounds, params string[] flags) => (_library, _flags) = (library, [$"-DAR_EXIT_ROUNDS={exitRounds}", .. flags]);

    /// <summary>Undefined behaviour traps: its own runtime would be a second one, and bring the C++ runtime along.</summary>
    public static Sanitizer AddressAndUndefined { get; } = new("asan", 4, "-fsanitize=address,undefined", "-fsanitize-undefined-trap-on-error");

    /// <summary>Its runtime ends a thread in the last round of the thread's destructors, so the hook has one round less.</summary>
    /// <remarks>-Wno-tsan: fences are not modelled. Ours order what other processes see, which ThreadSanitizer does not look at either.</remarks>
    public static Sanitizer Thread { get; } = new("tsan", 3, "-fsanitize=thread", "-Wno-tsan");

    /// <summary>Builds the hook and the gate before it (see tests/targets/sanitizer_gate.c), once a run.</summary>
    /// <returns>The value of LD_PRELOAD.</returns>
    public string Build(params string[] flags)
    {
        string runtime = FindRuntime();
        return Built.GetOrAdd(_library + string.Join(' ', flags), _ =>
            new Lazy<string>(() => Compile(runtime, Interlocked.Increment(ref _builds), flags))).Value;
    }

    private string Compile(string runtime, int number, string[] flags)
    {
        string hook = HookBuild.With(BuildDirectory[$"{_library}{number}.so"], [.. _flags, .. flags]), gate = BuildDirectory[$"{_library}{number}-gate.so"];
        ProgramResult result = Programs.Run("cc",
            ["-D_GNU_SOURCE", "-O1", "-fPIC", "-shared", "-fno-builtin", "-Wall", "-Werror", _flags[0], "-I", Path.Combine(SourceTree.Root, "recorder", "hook"),
                "-o", gate, Path.Combine(Targets.SourceDirectory, "sanitizer_gate.c"), "-Wl,--no-as-needed", hook, runtime]);
        Assert.True(result.ExitCode == 0, result.Error);
        return $"{gate}:{hook}:{runtime}";
    }

    private string FindRuntime()
    {
        // The compiler echoes the name when it has no such file. In its own directory it has a link to the library.
        string path = Programs.Run("cc", [$"-print-file-name=lib{_library}.so"]).Output.Trim();
        Assert.SkipUnless(Path.IsPathRooted(path) && File.Exists(path), $"lib{_library} of the C compiler is not installed");
        return File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? Path.GetFullPath(path);
    }
}
