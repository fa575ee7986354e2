using AllocReplay.Formats;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Recording;

namespace AllocReplay.Recorder;

/// <summary>A session of recording: its directory, and what a process has to be started with to be recorded into it.</summary>
public sealed class RecordSession
{
    /// <summary>Every variable that the hook reads: those of a recording around this one are not meant for it.</summary>
    private static readonly string[] Variables =
    [
        "ALLOCREPLAY_DIR", "ALLOCREPLAY_ARENA", "ALLOCREPLAY_SAMPLE", "ALLOCREPLAY_SAMPLE_BYTES", "ALLOCREPLAY_SAMPLE_SEED", "ALLOCREPLAY_LATENCY",
        "ALLOCREPLAY_MAX_SIZE",
        "ALLOCREPLAY_ONLY_CHILD_OF", "ALLOCREPLAY_REDACT", "ALLOCREPLAY_STACKS", "ALLOCREPLAY_STACKS_FREE", "ALLOCREPLAY_STACK_DEPTH", "ALLOCREPLAY_OPT_IN",
        "ALLOCREPLAY_REGIONS", "ALLOCREPLAY_NO_DETOURS",
    ];

    private readonly string _directory;
    private readonly SessionInfo _info;
    private readonly PreloadPath _hook;
    private readonly PreloadPath? _regions;
    private readonly DrainProcess _drain;

    private RecordSession(RecordOptions options, string directory, SessionInfo info, PreloadPath hook, PreloadPath? regions, DrainProcess drain)
    {
        (_directory, _info, _hook, _regions, _drain) = (directory, info, hook, regions, drain);
        Environment = [$"ALLOCREPLAY_DIR={directory}", $"ALLOCREPLAY_ARENA={drain.Arena}", .. SettingsOf(options)];
    }

    /// <summary>The library to preload.</summary>
    public string HookPath => _hook.Name;

    /// <summary>Variables to set for the process, as NAME=VALUE.</summary>
    public IReadOnlyList<string> Environment { get; }

    /// <summary>What changes in the environment of a command: NAME=VALUE is set, NAME is taken away.</summary>
    internal IEnumerable<string> Settings => [.. Variables, .. Environment, $"LD_PRELOAD={HookPath}{(_regions is null ? "" : ":" + _regions.Name)}"];

    /// <summary>Creates the recording directory, for a process that the caller then starts.</summary>
    /// <param name="options">What to record and where.</param>
    /// <exception cref="RecordException">The hook is missing or cannot be preloaded, or the directory cannot be created.</exception>
    public static RecordSession Begin(RecordOptions options)
    {
        if (!File.Exists(options.HookPath))
            throw new RecordException($"{options.HookPath}: the hook is missing; build it with ./build.sh build");
        string directory = CreateDirectory(options);
        PreloadPath? hook = null, regions = null;
        try
        {
            hook = new PreloadPath(options.HookPath);
            regions = options.Regions ? new PreloadPath(RecordOptions.RegionsPath) : null;
            SessionInfo info = Describe(options, directory);
            return new RecordSession(options, directory, info, hook, regions, DrainProcess.Start(directory, options));
        }
        catch (Exception e)
        {
            hook?.Dispose();
            regions?.Dispose();
            Directory.Delete(directory, recursive: true);
            if (e is IOException or UnauthorizedAccessException)
                throw new RecordException($"{options.Output}: cannot create the recording: {e.Message}");
            throw;
        }
    }

    private static SessionInfo Describe(RecordOptions options, string directory)
    {
        var info = new SessionInfo
        {
            Command = options.Redact ? [options.Command[0]] : options.Command,
            Host = System.Environment.MachineName,
            Kernel = "Linux " + File.ReadAllText("/proc/sys/kernel/osrelease").Trim(),
            Processors = System.Environment.ProcessorCount,
            StartedNs = (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100,
            Source = options.Via switch
            {
                RecordVia.MallocHook => ProcessInfo.FromMallocHook,
                RecordVia.Attach => ProcessInfo.FromAttach,
                _ => ProcessInfo.FromPreload,
            },
            MaxSize = options.MaxSize,
            MaxDurationNs = (options.Duration?.Ticks ?? 0) * TimeSpan.NanosecondsPerTick,
            KeepBytes = options.KeepBytes,
            KeepNs = (options.KeepTime?.Ticks ?? 0) * TimeSpan.NanosecondsPerTick,
            PackedInto = Path.GetFileName(options.PackedInto),
            Recorder = typeof(RecordSession).Assembly.GetName().Version!.ToString(3),
        };
        info.Save(directory);
        if (options.StartPaused)
            SessionSwitch.Close(directory);
        return info;
    }

    /// <summary>Notes which process is recorded.</summary>
    public void Started(int pid) => (_info with { Pid = pid }).Save(_directory);

    /// <summary>Notes how the process ended and, where it replayed a trace, what it did.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="exitCode">As a shell gives it; null where it is not known.</param>
    /// <param name="replay">What was replayed, or null.</param>
    public void Close(int pid, int? exitCode, ReplayInfo? replay = null)
    {
        if (!_drain.Seal())
            throw new ControlException("the process that writes the recording was killed again and again: what was recorded since is lost");
        // Who still runs may still start programs, into which the hook is loaded by that name.
        if (SessionSwitch.Running(_directory).Count == 0)
            DisposeLibraries();
        _drain.Dispose();
        (_info with { Pid = pid, ExitCode = exitCode, Replay = replay }).Save(_directory);
    }

    /// <summary>How often the process that writes the recording was killed, and another took over.</summary>
    public int Successors => _drain.Successors;

    /// <summary>What has been written so far, as a rate.</summary>
    public long BytesPerMinute
    {
        get
        {
            TimeSpan age = DateTime.UtcNow - DateTime.UnixEpoch.AddTicks(_info.StartedNs / TimeSpan.NanosecondsPerTick);
            long bytes = FileLengths.Sum(_directory, Wire.EventsFile + "*");
            if (PackedRecording.FileOf(_directory) is { } packed)
                bytes += FileLengths.Of(packed);
            return (long)(bytes / age.TotalMinutes);
        }
    }

    /// <summary>Stops what is recorded, while the processes go on.</summary>
    public void Stop() => SessionSwitch.StopAll(_directory);

    /// <summary>Takes the recording away: the process never ran.</summary>
    public void Abandon()
    {
        DisposeLibraries();
        _drain.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private void DisposeLibraries()
    {
        _hook.Dispose();
        _regions?.Dispose();
    }

    /// <summary>What the hook is told, as the environment variables that it reads.</summary>
    private static IEnumerable<string> SettingsOf(RecordOptions options)
    {
        if (options.Sample.IsSample)
            yield return $"ALLOCREPLAY_SAMPLE{(options.Sample.Scheme == SampleScheme.Bytes ? "_BYTES" : "")}={options.Sample.Mean}";
        if (options.SampleSeed > 0)
            yield return $"ALLOCREPLAY_SAMPLE_SEED={options.SampleSeed}";
        if (options.Latency)
            yield return "ALLOCREPLAY_LATENCY=1";
        if (options.Stacks != StackWalk.None)
        {
            yield return $"ALLOCREPLAY_STACKS={(options.Stacks == StackWalk.FramePointers ? "fp" : "cfi")}";
            yield return $"ALLOCREPLAY_STACK_DEPTH={options.StackDepth}";
            if (options.FreeStacks)
                yield return "ALLOCREPLAY_STACKS_FREE=1";
        }
        if (options.MaxSize > 0)
            yield return $"ALLOCREPLAY_MAX_SIZE={options.MaxSize}";
        if (!options.FollowChildren)
            yield return $"ALLOCREPLAY_ONLY_CHILD_OF={System.Environment.ProcessId}";
        if (options.Regions)
            yield return "ALLOCREPLAY_REGIONS=1";
        if (options.Redact)
            yield return "ALLOCREPLAY_REDACT=1";
        if (!options.Detours)
            yield return "ALLOCREPLAY_NO_DETOURS=1";
        if (options.OptIn)
            yield return "ALLOCREPLAY_OPT_IN=1";
    }

    /// <summary>Why what is under a name may not be replaced by a recording, or null when it may: it is a recording itself, and nobody writes it.</summary>
    /// <param name="path">The name, under which something is.</param>
    public static string? WhyNotReplaced(string path)
    {
        var directory = new DirectoryInfo(Path.TrimEndingDirectorySeparator(path));
        if (!directory.Exists || directory.LinkTarget is not null || SessionOf(path) is not { } session)
            return $"{path}: already there and not a recording; it is not replaced";
        return session.ExitCode is null && session.Pid > 0 && Signals.Reach(session.Pid)
            ? $"{path}: is still being written by process {session.Pid}; it is not replaced"
            : null;
    }

    private static SessionInfo? SessionOf(string directory)
    {
        try
        {
            return SessionInfo.Load(directory);
        }
        catch (TraceFormatException)
        {
            return null;
        }
    }

    private static string CreateDirectory(RecordOptions options)
    {
        string directory = Path.GetFullPath(options.Output);
        try
        {
            if (Path.Exists(directory))
            {
                if (!options.Force)
                    throw new RecordException($"{options.Output}: already there", RecordFailure.OutputExists);
                if (WhyNotReplaced(options.Output) is { } why)
                    throw new RecordException(why);
                Directory.Delete(directory, recursive: true);
            }
            Directory.CreateDirectory(directory, PrivateFile.DirectoryMode);
            return directory;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RecordException($"{options.Output}: cannot create the recording: {e.Message}");
        }
    }
}
