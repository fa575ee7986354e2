using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using AllocReplay.Formats;

namespace AllocReplay.Recorder;

/// <summary>A session of recording: its directory, and what a process has to be started with to be recorded into it.</summary>
public sealed partial class RecordSession
{
    private const UnixFileMode PrivateDirectory = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly string _directory;
    private readonly SessionInfo _info;

    private RecordSession(RecordOptions options, string directory, SessionInfo info)
    {
        (_directory, _info, HookPath) = (directory, info, options.HookPath);
        Environment = [$"ALLOCREPLAY_DIR={directory}", .. SettingsOf(options)];
    }

    /// <summary>The library to preload.</summary>
    public string HookPath { get; }

    /// <summary>Variables to set for the process, as NAME=VALUE.</summary>
    public IReadOnlyList<string> Environment { get; }

    /// <summary>Creates the recording directory, for a process that the caller then starts.</summary>
    /// <param name="options">What to record and where.</param>
    /// <exception cref="RecordException">The hook is missing, or the directory cannot be created.</exception>
    public static RecordSession Begin(RecordOptions options)
    {
        if (!File.Exists(options.HookPath))
            throw new RecordException($"{options.HookPath}: the hook is missing; build it with ./build.sh build");
        string directory = CreateDirectory(options);
        var info = new SessionInfo
        {
            Command = options.Redact ? [options.Command[0]] : options.Command,
            Host = System.Environment.MachineName,
            Kernel = "Linux " + File.ReadAllText("/proc/sys/kernel/osrelease").Trim(),
            Processors = System.Environment.ProcessorCount,
            StartedNs = (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100,
            Source = options.Via == RecordVia.MallocHook ? ProcessInfo.FromMallocHook : ProcessInfo.FromPreload,
            MaxSize = options.MaxSize,
            MaxDurationNs = (options.Duration?.Ticks ?? 0) * TimeSpan.NanosecondsPerTick,
            Recorder = typeof(RecordSession).Assembly.GetName().Version!.ToString(3),
        };
        info.Save(directory);
        if (options.StartPaused)
            SessionSwitch.Close(directory);
        return new RecordSession(options, directory, info);
    }

    /// <summary>Notes which process is recorded.</summary>
    public void Started(int pid) => (_info with { Pid = pid }).Save(_directory);

    /// <summary>Notes how the process ended and, where it replayed a trace, what it did.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="exitCode">As a shell gives it.</param>
    /// <param name="replay">What was replayed, or null.</param>
    public void Close(int pid, int exitCode, ReplayInfo? replay = null) =>
        (_info with { Pid = pid, ExitCode = exitCode, Replay = replay }).Save(_directory);

    /// <summary>Records a command until it ends. Its standard streams are the caller's own.</summary>
    /// <param name="options">What to record and where.</param>
    /// <param name="started">Told the command's process id as soon as it runs.</param>
    /// <returns>The command's exit code, 128 + signal when it was killed.</returns>
    /// <exception cref="RecordException">Nothing was recorded.</exception>
    public static int Run(RecordOptions options, Action<int>? started = null)
    {
        string executable = Executable.Find(options.Command[0]);
        if (Executable.WhyNotRecordable(executable) is { } why)
            throw new RecordException($"{executable}: nothing can be recorded: {why}");
        RecordSession session = Begin(options);
        using Process process = session.Start(options.Command);
        session.Started(process.Id);
        started?.Invoke(process.Id);
        using var limit = options.Duration is { } duration
            ? new Timer(_ => SessionSwitch.StopAll(session._directory), null, duration, Timeout.InfiniteTimeSpan)
            : null;
        int exitCode;
        // The terminal sends its signals to both: the program decides, and the recorder outlives it. Others are passed on.
        using (Watch(PosixSignal.SIGINT, _ => { }))
        using (Watch(PosixSignal.SIGQUIT, _ => { }))
        using (Watch(PosixSignal.SIGTERM, _ => Signal(process.Id, 15)))
        using (Watch(PosixSignal.SIGHUP, _ => Signal(process.Id, 1)))
        {
            process.WaitForExit();
            exitCode = process.ExitCode;
        }
        session.Close(process.Id, exitCode);
        return exitCode;
    }

    /// <remarks>
    /// env(1) sets the variables and becomes the command: same process id, argv[0] as given, PATH searched as a shell
    /// does, and its own messages and exit codes where the command cannot be run.
    /// </remarks>
    private Process Start(IReadOnlyList<string> command)
    {
        string preload = System.Environment.GetEnvironmentVariable("LD_PRELOAD") is { Length: > 0 } others ? $"{HookPath}:{others}" : HookPath;
        var start = new ProcessStartInfo("/usr/bin/env") { UseShellExecute = false };
        start.ArgumentList.Add($"LD_PRELOAD={preload}");
        foreach (string argument in Environment.Concat(command))
            start.ArgumentList.Add(argument);
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new RecordException($"/usr/bin/env: {e.Message}");
        }
    }

    /// <summary>What the hook is told, as the environment variables that it reads.</summary>
    private static IEnumerable<string> SettingsOf(RecordOptions options)
    {
        if (options.Sample > 1)
            yield return $"ALLOCREPLAY_SAMPLE={options.Sample}";
        if (options.Latency)
            yield return "ALLOCREPLAY_LATENCY=1";
        if (options.MaxSize > 0)
            yield return $"ALLOCREPLAY_MAX_SIZE={options.MaxSize}";
        if (!options.FollowChildren)
            yield return $"ALLOCREPLAY_ONLY_CHILD_OF={System.Environment.ProcessId}";
        if (options.Redact)
            yield return "ALLOCREPLAY_REDACT=1";
        if (options.OptIn)
            yield return "ALLOCREPLAY_OPT_IN=1";
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
                if (SessionInfo.Load(directory) is not { } previous)
                    throw new RecordException($"{options.Output}: already there and not a recording; it is not replaced");
                if (previous.ExitCode is null && previous.Pid > 0 && Kill(previous.Pid, 0) == 0)
                    throw new RecordException($"{options.Output}: is still being written by process {previous.Pid}; it is not replaced");
                Directory.Delete(directory, recursive: true);
            }
            Directory.CreateDirectory(directory, PrivateDirectory);
            return directory;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RecordException($"{options.Output}: cannot create the recording: {e.Message}");
        }
    }

    private static PosixSignalRegistration Watch(PosixSignal signal, Action<int> action) =>
        PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            action((int)signal);
        });

    private static void Signal(int pid, int signal) => _ = Kill(pid, signal);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int pid, int signal);
}
