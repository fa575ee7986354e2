using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using AllocReplay.Formats;

namespace AllocReplay.Recorder;

/// <summary>Runs a command with the hook preloaded and waits for it.</summary>
public static partial class RecordSession
{
    private const UnixFileMode PrivateDirectory = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Records a command until it ends. Its standard streams are the caller's own.</summary>
    /// <param name="options">What to record and where.</param>
    /// <param name="started">Told the command's process id as soon as it runs.</param>
    /// <returns>The command's exit code, 128 + signal when it was killed.</returns>
    /// <exception cref="RecordException">Nothing was recorded.</exception>
    public static int Run(RecordOptions options, Action<int>? started = null)
    {
        if (!File.Exists(options.HookPath))
            throw new RecordException($"{options.HookPath}: the hook is missing; build it with ./build.sh build");
        string executable = Executable.Find(options.Command[0]);
        if (Executable.WhyNotRecordable(executable) is { } why)
            throw new RecordException($"{executable}: nothing can be recorded: {why}");
        string directory = CreateDirectory(options);
        var session = new SessionInfo
        {
            Command = options.Redact ? [options.Command[0]] : options.Command,
            Host = Environment.MachineName,
            Kernel = "Linux " + File.ReadAllText("/proc/sys/kernel/osrelease").Trim(),
            Processors = Environment.ProcessorCount,
            StartedNs = (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100,
            Source = options.Via == RecordVia.MallocHook ? ProcessInfo.FromMallocHook : ProcessInfo.FromPreload,
            MaxSize = options.MaxSize,
            MaxDurationNs = (options.Duration?.Ticks ?? 0) * TimeSpan.NanosecondsPerTick,
            Recorder = typeof(RecordSession).Assembly.GetName().Version!.ToString(3),
        };
        session.Save(directory);
        if (options.StartPaused)
            SessionSwitch.Close(directory);

        using Process process = Start(options, directory);
        (session with { Pid = process.Id }).Save(directory);
        started?.Invoke(process.Id);
        using var limit = options.Duration is { } duration
            ? new Timer(_ => SessionSwitch.StopAll(directory), null, duration, Timeout.InfiniteTimeSpan)
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
        (session with { Pid = process.Id, ExitCode = exitCode }).Save(directory);
        return exitCode;
    }

    /// <remarks>
    /// env(1) sets the two variables and becomes the command: same process id, argv[0] as given, PATH searched as a shell
    /// does, and its own messages and exit codes where the command cannot be run.
    /// </remarks>
    private static Process Start(RecordOptions options, string directory)
    {
        string preload = Environment.GetEnvironmentVariable("LD_PRELOAD") is { Length: > 0 } others
            ? $"{options.HookPath}:{others}"
            : options.HookPath;
        var start = new ProcessStartInfo("/usr/bin/env") { UseShellExecute = false };
        start.ArgumentList.Add($"LD_PRELOAD={preload}");
        start.ArgumentList.Add($"ALLOCREPLAY_DIR={directory}");
        foreach (string setting in SettingsOf(options))
            start.ArgumentList.Add(setting);
        foreach (string argument in options.Command)
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
            yield return $"ALLOCREPLAY_ONLY_CHILD_OF={Environment.ProcessId}";
        if (options.Redact)
            yield return "ALLOCREPLAY_REDACT=1";
    }

    private static string CreateDirectory(RecordOptions options)
    {
        string directory = Path.GetFullPath(options.Output);
        try
        {
            if (Path.Exists(directory))
            {
                if (!options.Force)
                    throw new RecordException($"{options.Output}: already there; choose another name with -o, or replace it with --force");
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
