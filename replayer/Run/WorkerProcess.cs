using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace AllocReplay.Replayer.Run;

/// <summary>Runs plans in fresh worker processes.</summary>
internal static class WorkerProcess
{
    private const int SignalBase = 128, SignalMax = 64;
    private const int StderrMax = 4096;
    private static readonly TimeSpan WatchInterval = TimeSpan.FromMilliseconds(50);

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Replays a plan once.</summary>
    /// <param name="planPath">The plan file.</param>
    /// <param name="configuration">What to replay it under.</param>
    /// <param name="options">How.</param>
    /// <param name="hook">What its hook preloads, or null.</param>
    /// <param name="progress">Told the fraction done.</param>
    /// <param name="token">Ends the worker.</param>
    /// <exception cref="ReplayException">It crashed.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public static WorkerResult Run(
        string planPath, Configuration configuration, ReplayOptions options, PreloadedHook? hook = null, IProgress<double>? progress = null,
        CancellationToken token = default)
    {
        // A directory, as it is closed to others.
        string directory = Directory.CreateTempSubdirectory("allocreplay-").FullName;
        string resultPath = Path.Combine(directory, "result.json"), progressPath = Path.Combine(directory, "progress");
        try
        {
            File.WriteAllBytes(progressPath, new byte[2 * sizeof(long)]);
            using Process worker = Start([planPath, resultPath, progressPath], configuration, options, hook);
            Task<string> stderr = ReadStart(worker.StandardError);
            while (!worker.WaitForExit(WatchInterval))
            {
                progress?.Report(FractionDone(progressPath));
                if (token.IsCancellationRequested)
                {
                    worker.Kill();
                    worker.WaitForExit();
                }
            }
            token.ThrowIfCancellationRequested();
            if (worker.ExitCode != 0)
                throw Failure(configuration.Name, worker.ExitCode, stderr.Result);
            using FileStream json = File.OpenRead(resultPath);
            return JsonSerializer.Deserialize<WorkerResult>(json, Json)! with { ProcessId = worker.Id };
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    /// <summary>The worker keeps two numbers in this file: ops done, and ops in all once it knows.</summary>
    private static double FractionDone(string path)
    {
        ReadOnlySpan<long> told = MemoryMarshal.Cast<byte, long>(File.ReadAllBytes(path));
        return told[1] == 0 ? 0 : (double)told[0] / told[1];
    }

    private static Process Start(string[] files, Configuration configuration, ReplayOptions options, PreloadedHook? hook)
    {
        if (!File.Exists(WorkerStart.Executable))
            throw new ReplayException(ReplayFailure.NotPossible, $"the replay worker is missing: {WorkerStart.Executable}");
        string[] settings =
        [
            Setting("touch", (int)options.Touch), Setting("touch_calloc", options.TouchCalloc ? 1 : 0), Setting("instrument", (int)options.Instrument),
            $"residue_ms={string.Join(',', options.ResidueMs)}", Setting("loops", options.Loops), Setting("time_scale", options.Pace.TimeScale),
            Setting("noop", configuration.Allocator.IsNoop ? 1 : 0), Setting("ideal", configuration.Allocator.IsIdeal ? 1 : 0),
        ];
        ProcessStartInfo start = WorkerStart.Info(
            [.. files, .. settings], [.. new[] { hook?.Library, configuration.Allocator.Preload }.OfType<string>()],
            [.. configuration.Environment, .. hook?.Environment ?? []]);
        start.RedirectStandardError = true;
        return Process.Start(start)!;
    }

    private static string Setting(string name, double value) => string.Create(CultureInfo.InvariantCulture, $"{name}={value:R}");

    /// <summary>The start of what it says, as an allocator may say a lot; all of it is taken, as a full pipe would stop it.</summary>
    private static async Task<string> ReadStart(TextReader reader)
    {
        string text = await reader.ReadToEndAsync().ConfigureAwait(false);
        return text.Length <= StderrMax ? text : text[..StderrMax];
    }

    private static ReplayException Failure(string configuration, int code, string stderr)
    {
        string[] lines = stderr.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        string said = lines.Length > 0 ? $": {lines[^1]}" : "";
        string what = code is > SignalBase and <= SignalBase + SignalMax
            ? $"the worker was killed by {SignalName(code - SignalBase)} under {configuration}{said}"
            : $"the worker failed under {configuration}, exit code {code}{said}";
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
