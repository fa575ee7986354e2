using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace AllocReplay.Replayer;

/// <summary>How a plan is run.</summary>
public sealed record ReplayOptions
{
    /// <summary>How often a memory pass reads: a reading takes about 0.1 ms, and short replays should see a few.</summary>
    public const int MemoryPassIntervalUs = 1000;

    public TouchPolicy Touch { get; init; } = TouchPolicy.Page;
    /// <summary>Microseconds between readings of resident memory; 0 for none, so that nothing disturbs the figures for speed.</summary>
    public int MemoryIntervalUs { get; init; }
}

/// <summary>Runs plans in fresh worker processes.</summary>
public static class WorkerProcess
{
    private const int SignalBase = 128;
    private const int StderrMax = 4096;

    /// <summary>Variables that are passed on. The rest would be a setting of the measurement that nobody sees.</summary>
    private static readonly string[] Inherited = ["PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH"];

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>The worker's executable, beside this assembly.</summary>
    private static string Executable => Path.Combine(AppContext.BaseDirectory, "allocreplay-worker");

    /// <summary>Replays a plan once and checks that the replay is the trace.</summary>
    /// <exception cref="ReplayException">It crashed, ran on another allocator, or did something else than the trace.</exception>
    public static WorkerResult Run(ReplayPlan plan, Allocator allocator, ReplayOptions options)
    {
        WorkerResult result = Run(plan.Path, allocator, options);
        ReplayCheck.VerifyAllocator(allocator, result);
        ReplayCheck.Verify(allocator.Name, result, plan.Expected, plan.ThreadNames);
        return result;
    }

    internal static WorkerResult Run(string planPath, Allocator allocator, ReplayOptions options)
    {
        string resultPath = Path.Combine(Path.GetTempPath(), $"allocreplay-{Guid.NewGuid():N}.json");
        try
        {
            using Process worker = Start(planPath, resultPath, allocator, options);
            string stderr = ReadStart(worker.StandardError);
            worker.WaitForExit();
            if (worker.ExitCode != 0)
                throw Failure(allocator, worker.ExitCode, stderr);
            using FileStream json = File.OpenRead(resultPath);
            return JsonSerializer.Deserialize<WorkerResult>(json, Json)!;
        }
        finally
        {
            File.Delete(resultPath);
        }
    }

    private static Process Start(string planPath, string resultPath, Allocator allocator, ReplayOptions options)
    {
        if (!File.Exists(Executable))
            throw new ReplayException(ReplayFailure.NotPossible, $"the replay worker is missing: {Executable}");
        var start = new ProcessStartInfo(Executable) { RedirectStandardError = true };
        CultureInfo culture = CultureInfo.InvariantCulture;
        string[] arguments = [planPath, resultPath, ((int)options.Touch).ToString(culture), options.MemoryIntervalUs.ToString(culture)];
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        if (allocator.IsNoop)
            start.ArgumentList.Add("noop");
        start.Environment.Clear();
        foreach (string name in Inherited)
            if (Environment.GetEnvironmentVariable(name) is { } value)
                start.Environment[name] = value;
        foreach (string[] setting in allocator.Environment.Select(v => v.Split('=', 2)))
            start.Environment[setting[0]] = setting[1];
        if (allocator.Preload is { } library)
            start.Environment["LD_PRELOAD"] = library;
        return Process.Start(start)!;
    }

    /// <summary>The start of what it says, as an allocator may say a lot; all of it is taken, as a full pipe would stop it.</summary>
    private static string ReadStart(TextReader reader)
    {
        string text = reader.ReadToEnd();
        return text.Length <= StderrMax ? text : text[..StderrMax];
    }

    private static ReplayException Failure(Allocator allocator, int code, string stderr)
    {
        string[] lines = stderr.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        string said = lines.Length > 0 ? $": {lines[^1]}" : "";
        string what = code > SignalBase
            ? $"the worker was killed by {SignalName(code - SignalBase)} under {allocator.Name}{said}"
            : $"the worker failed under {allocator.Name}{said}";
        return new ReplayException(ReplayFailure.Failed, what);
    }

    private static string SignalName(int signal) => signal switch
    {
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL (out of memory?)",
        11 => "SIGSEGV",
        15 => "SIGTERM",
        _ => $"signal {signal}",
    };
}
