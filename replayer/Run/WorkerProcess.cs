using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace AllocReplay.Replayer.Run;

/// <summary>Runs plans in fresh worker processes.</summary>
internal static class WorkerProcess
{
    private static readonly TimeSpan WatchInterval = TimeSpan.FromMilliseconds(50);

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Replays a plan once.</summary>
    /// <param name="planPath">The plan file.</param>
    /// <param name="configuration">What to replay it under.</param>
    /// <param name="options">How.</param>
    /// <param name="hook">The run of its hook, or null.</param>
    /// <param name="progress">Told the fraction done.</param>
    /// <param name="token">Ends the worker.</param>
    /// <exception cref="ReplayException">It did not end with a result: what became of it is in <see cref="ReplayException.Run"/>.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public static WorkerResult Run(
        string planPath, Configuration configuration, ReplayOptions options, IHookedRun? hook = null, IProgress<double>? progress = null,
        CancellationToken token = default)
    {
        // A directory, as it is closed to others.
        string directory = Directory.CreateTempSubdirectory("allocreplay-").FullName;
        string resultPath = Path.Combine(directory, "result.json"), progressPath = Path.Combine(directory, "progress");
        try
        {
            File.WriteAllBytes(progressPath, new byte[2 * sizeof(long)]);
            long oomKills = OomKills();
            string[] files = [Path.GetFullPath(planPath), resultPath, progressPath];
            using ProcessGroup worker = ProcessGroup.Start(InfoOf(files, configuration, options, hook?.Library));
            hook?.Started(worker.Id);
            TimeSpan? hungAfter = Watch(worker, options, () => DoneOf(progressPath), progress, token);
            token.ThrowIfCancellationRequested();
            (ProcessEnd end, string said) = worker.Result();
            var diagnosis = new WorkerDiagnosis(configuration, hook?.Library.Library, end, said, DoneOf(progressPath))
            {
                HungAfter = hungAfter,
                WasOomKilled = OomKills() > oomKills,
            };
            if (hungAfter is null && end is { IsSignal: false, Code: 0 } && ReadResult(resultPath) is { } result)
            {
                ReplayCheck.VerifyAllocator(configuration, result, said);
                return result with { ProcessId = worker.Id };
            }
            throw diagnosis.Failure();
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    /// <summary>Until the worker has ended, or has been ended. Returns the time after which it counted as hung; null where it did not.</summary>
    private static TimeSpan? Watch(
        ProcessGroup worker, ReplayOptions options, Func<double?> done, IProgress<double>? progress, CancellationToken token)
    {
        var clock = Stopwatch.StartNew();
        while (!worker.WaitForEnd(WatchInterval))
        {
            double? fraction = done();
            progress?.Report(fraction ?? 0);
            TimeSpan age = clock.Elapsed;
            bool isHung = age > options.Timeout || (fraction is null && age > options.StartTimeout);
            if (!isHung && !token.IsCancellationRequested)
                continue;
            worker.Kill();
            return isHung ? age : null;
        }
        return null;
    }

    /// <summary>The worker keeps two numbers in this file: ops done, and ops in all once it knows. Null until then.</summary>
    private static double? DoneOf(string path)
    {
        ReadOnlySpan<long> told = MemoryMarshal.Cast<byte, long>(File.ReadAllBytes(path));
        return told[1] == 0 ? null : (double)told[0] / told[1];
    }

    /// <summary>Null where there is none, or none that is whole: the worker ended before.</summary>
    private static WorkerResult? ReadResult(string path)
    {
        try
        {
            using FileStream json = File.OpenRead(path);
            return JsonSerializer.Deserialize<WorkerResult>(json, Json);
        }
        catch (Exception e) when (e is FileNotFoundException or JsonException)
        {
            return null;
        }
    }

    /// <summary>How many processes the kernel has killed for want of memory since it started; 0 where it does not tell.</summary>
    private static long OomKills()
    {
        const string name = "oom_kill ";
        try
        {
            string? line = File.ReadLines("/proc/vmstat").FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal));
            return line is null ? 0 : long.Parse(line.AsSpan(name.Length), CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    private static ProcessStartInfo InfoOf(string[] files, Configuration configuration, ReplayOptions options, PreloadedHook? hook)
    {
        if (!File.Exists(WorkerStart.Executable))
            throw new ReplayException(ReplayFailure.NotPossible, $"the replay worker is missing: {WorkerStart.Executable}");
        string[] settings =
        [
            Setting("touch", (int)options.Touch), Setting("touch_calloc", options.TouchCalloc ? 1 : 0), Setting("instrument", (int)options.Instrument),
            $"residue_ms={string.Join(',', options.ResidueMs)}", Setting("loops", options.Loops), Setting("time_scale", options.Pace.TimeScale),
            Setting("noop", configuration.Allocator.IsNoop ? 1 : 0), Setting("ideal", configuration.Allocator.IsIdeal ? 1 : 0),
            .. hook is null ? [] : (string[])[$"hook={hook.Library}"],
            .. hook?.Needs is { } needs ? (string[])[$"needs={needs}"] : [],
        ];
        ProcessStartInfo start = WorkerStart.Info(
            [.. files, .. settings], [.. new[] { hook?.Library, configuration.Allocator.Preload }.OfType<string>()],
            [.. configuration.Environment, .. hook?.Environment ?? []]);
        start.WorkingDirectory = hook?.Directory ?? "";
        return start;
    }

    private static string Setting(string name, double value) => string.Create(CultureInfo.InvariantCulture, $"{name}={value:R}");
}
