using System.Diagnostics;

namespace AllocReplay.Bench;

/// <summary>Runs the programs that are measured.</summary>
internal static class Shell
{
    /// <summary>Where the project's folders are.</summary>
    public static string Root { get; } = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "..", ".."));

    /// <summary>The command as it is delivered: <c>./build.sh build</c> makes it.</summary>
    public static string AllocReplay { get; } = Path.Combine(Root, "artifacts", "allocreplay");

    /// <summary>How long work takes, in seconds.</summary>
    public static double Seconds(Action work)
    {
        long start = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>Runs a program to its end and returns what it wrote to stdout.</summary>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public static string Run(string file, IEnumerable<string> arguments, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(file, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach ((string name, string value) in environment)
            start.Environment[name] = value;
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException($"{file} {string.Join(' ', arguments)}: exit code {process.ExitCode}: {error.Result.Trim()}");
    }

    /// <summary>Processor time of the processes of a name that run now, in seconds, to a hundredth.</summary>
    public static double SecondsOf(string program) => Process.GetProcessesByName(program).Sum(p => p.TotalProcessorTime.TotalSeconds);

    public static bool Exists(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(d => File.Exists(Path.Combine(d, program)));

    public static long DirectorySize(string path) =>
        new DirectoryInfo(path).EnumerateFiles("*", SearchOption.AllDirectories).Sum(f => f.Length);
}
