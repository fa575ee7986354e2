using System.Collections.Concurrent;
using System.Diagnostics;

namespace AllocReplay.Tests.Support;

/// <summary>Compiles the programs of tests/targets, each once a run.</summary>
internal static class Targets
{
    private static readonly TemporaryDirectory BuildDirectory = new();
    private static readonly ConcurrentDictionary<string, Lazy<string>> Built = new();

    static Targets() => AppDomain.CurrentDomain.ProcessExit += (_, _) => BuildDirectory.Dispose();

    public static string SourceDirectory => Path.Combine(SourceTree.Root, "tests", "targets");

    /// <summary>The executable of a target.</summary>
    /// <param name="source">File name in tests/targets.</param>
    /// <param name="flags">More arguments for the compiler, such as -static.</param>
    public static string Build(string source, params string[] flags) =>
        Built.GetOrAdd(source + " " + string.Join(' ', flags), key =>
            new Lazy<string>(() => Compile(source, flags, BuildDirectory[key.Replace('/', '_').Replace(' ', '_')]))).Value;

    /// <summary>A target in Rust; the test is skipped where there is no compiler for it.</summary>
    public static string BuildRust(string source)
    {
        string installed = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cargo", "bin", "rustc");
        string? compiler = Programs.Exists("rustc") ? "rustc" : File.Exists(installed) ? installed : null;
        Assert.SkipWhen(compiler is null, "rustc is not installed");
        return Built.GetOrAdd(source, _ => new Lazy<string>(() =>
        {
            string output = BuildDirectory[Path.GetFileNameWithoutExtension(source) + "_rust"];
            ProgramResult result = Programs.Run(compiler!, ["-O", "-g", "-o", output, Path.Combine(SourceDirectory, source)]);
            Assert.True(result.ExitCode == 0, result.Error);
            return output;
        })).Value;
    }

    private static string Compile(string source, string[] flags, string output)
    {
        string compiler = source.EndsWith(".cpp", StringComparison.Ordinal) ? "g++" : "cc";
        ProgramResult result =
            Programs.Run(compiler, ["-O1", "-fno-builtin", "-Wall", "-pthread", "-o", output, Path.Combine(SourceDirectory, source), .. flags]);
        Assert.True(result.ExitCode == 0, $"{compiler} {source}: {result.Error}");
        return output;
    }
}

internal sealed record ProgramResult(int ExitCode, string Output, string Error);

internal static class Programs
{
    /// <summary>Runs a program to its end and returns what it wrote.</summary>
    public static ProgramResult Run(string file, IEnumerable<string> arguments, Action<ProcessStartInfo>? configure = null)
    {
        var start = new ProcessStartInfo(file, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        configure?.Invoke(start);
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new ProgramResult(process.ExitCode, output, error.Result);
    }

    /// <summary>Runs the <c>allocreplay</c> command that was built with the tests.</summary>
    public static ProgramResult AllocReplay(params string[] arguments) =>
        Run(AllocReplayCommand, arguments);

    public static string AllocReplayCommand { get; } = Path.Combine(AppContext.BaseDirectory, "allocreplay");

    /// <summary>Whether a program is on the PATH.</summary>
    public static bool Exists(string name) => PathOf(name) is not null;

    /// <summary>Skips the test, and says why, where a program that it runs is not on the PATH.</summary>
    public static void Need(params string[] programs)
    {
        foreach (string program in programs)
            Assert.SkipUnless(Exists(program), $"{program} is not installed");
    }

    /// <summary>
    /// redis-server, under its own name or, where only its tools are installed, as redis-check-rdb, which is the same program; the test is skipped where
    /// there is neither.
    /// </summary>
    /// <param name="directory">Where to put a link of its name.</param>
    public static string RedisServer(string directory)
    {
        if (PathOf("redis-server") is { } installed)
            return installed;
        Assert.SkipUnless(Exists("redis-check-rdb") && Exists("redis-cli") && Exists("redis-benchmark"), "redis is not installed");
        string link = Path.Combine(directory, "redis-server");
        File.CreateSymbolicLink(link, PathOf("redis-check-rdb")!);
        return link;
    }

    /// <summary>Where a program is on the PATH, or null.</summary>
    public static string? PathOf(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(d => Path.Combine(d, name)).FirstOrDefault(File.Exists);
}
