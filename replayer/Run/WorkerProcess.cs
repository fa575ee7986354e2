using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace AllocReplay.Replayer.Run;

/// <summary>A fresh worker process with a plan.</summary>
internal sealed class WorkerProcess : IDisposable
{
    private static readonly TimeSpan WatchInterval = TimeSpan.FromMilliseconds(50);

    /// <summary>Two looks at a worker that lie further apart: this process did not run in between.</summary>
    private static readonly TimeSpan GapMax = TimeSpan.FromSeconds(1);

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private readonly Configuration _configuration;
    private readonly ReplayOptions _options;
    private readonly IHookedRun? _hook;
    private readonly string _directory;
    private readonly ProcessGroup _process;
    private readonly long _oomKills = OomKills();
    private TimeSpan? _hungAfter;

    /// <param name="planPath">The plan file.</param>
    /// <param name="configuration">What to replay it under.</param>
    /// <param name="options">How.</param>
    /// <param name="hook">The run of its hook, or null.</param>
    /// <exception cref="ReplayException">It cannot be started.</exception>
    public WorkerProcess(string planPath, Configuration configuration, ReplayOptions options, IHookedRun? hook)
    {
        (_configuration, _options, _hook) = (configuration, options, hook);
        // A directory, as it is closed to others.
        _directory = Directory.CreateTempSubdirectory("allocreplay-").FullName;
        try
        {
            RunProgressFile.Create(ProgressPath);
            _process = ProcessGroup.Start(InfoOf([Path.GetFullPath(planPath), ResultPath, ProgressPath], configuration, options, hook?.Library));
            hook?.Started(_process.Id);
        }
        catch
        {
            _process?.Dispose();
            Delete();
            throw;
        }
    }

    private string ResultPath => Path.Combine(_directory, "result.json");
    private string ProgressPath => Path.Combine(_directory, "progress");

    /// <summary>Whether it has ended, or been ended.</summary>
    public bool HasEnded => _process.WaitForEnd(TimeSpan.Zero);

    /// <summary>Lets one that stands still go on.</summary>
    public void Continue() => _process.Continue();

    /// <summary>
    /// Until it has ended or stands still, as one that has turns does before each. What takes longer than it may is ended, as hung.
    /// </summary>
    /// <param name="progress">Told the fraction done.</param>
    /// <param name="token">Ends the worker.</param>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public void Await(IProgress<double>? progress, CancellationToken token)
    {
        TimeSpan interval = _options.Timeout is { } timeout && timeout < WatchInterval ? timeout : WatchInterval, age = TimeSpan.Zero;
        long looked = Stopwatch.GetTimestamp();
        while (!(_options.TurnLoops > 0 ? _process.WaitForPause(interval) : _process.WaitForEnd(interval)))
        {
            double? fraction = RunProgressFile.DoneOf(ProgressPath);
            progress?.Report(fraction ?? 0);
            // Where this process stood still, as by Ctrl-Z, the worker did too, or had no one to be waited for by.
            TimeSpan since = Stopwatch.GetElapsedTime(looked);
            looked = Stopwatch.GetTimestamp();
            age += since < GapMax ? since : GapMax;
            bool isHung = age > _options.Timeout || (fraction is null && age > _options.StartTimeout);
            if (!isHung && !token.IsCancellationRequested)
                continue;
            _process.Kill();
            if (isHung)
                _hungAfter = age;
        }
        token.ThrowIfCancellationRequested();
    }

    /// <summary>What it measured. Only after its end.</summary>
    /// <exception cref="ReplayException">It did not end with a result: what became of it is in <see cref="ReplayException.Run"/>.</exception>
    public WorkerResult Result()
    {
        (ProcessEnd end, string said) = _process.Result();
        if (_hungAfter is null && end is { IsSignal: false, Code: 0 } && ReadResult(ResultPath) is { } result)
        {
            ReplayCheck.VerifyAllocator(_configuration, result, said);
            return result with { ProcessId = _process.Id, TurnLoops = _options.TurnLoops };
        }
        var diagnosis = new WorkerDiagnosis(_configuration, _hook?.Library.Library, end, said, RunProgressFile.DoneOf(ProgressPath))
        {
            HungAfter = _hungAfter,
            Faults = RunProgressFile.FaultsOf(ProgressPath),
            WasOomKilled = OomKills() > _oomKills,
        };
        throw diagnosis.Failure();
    }

    /// <summary>Ends it where it has not ended.</summary>
    public void Dispose()
    {
        _process.Dispose();
        Delete();
    }

    /// <summary>What a library does to it is its run's failure, and told as that.</summary>
    private void Delete()
    {
        try
        {
            Directory.Delete(_directory, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // It is gone.
        }
    }

    /// <summary>Null where there is none, or none that is whole: the worker ended before.</summary>
    private static WorkerResult? ReadResult(string path)
    {
        try
        {
            using FileStream json = File.OpenRead(path);
            return JsonSerializer.Deserialize<WorkerResult>(json, Json);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or JsonException)
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
            $"residue_ms={string.Join(',', options.ResidueMs)}", Setting("loops", options.Loops),
            Setting("turn_loops", options.TurnLoops), Setting("time_scale", options.Pace.TimeScale),
            Setting("noop", configuration.Allocator.IsNoop ? 1 : 0), Setting("ideal", configuration.Allocator.IsIdeal ? 1 : 0),
            Setting("parent", Environment.ProcessId), $"processors={string.Join(',', options.Processors)}",
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
