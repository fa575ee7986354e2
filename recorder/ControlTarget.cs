using System.Globalization;
using AllocReplay.Formats;
using AllocReplay.Formats.Recording;
using AllocReplay.Recorder.Arena;
using AllocReplay.Recorder.Attach;

namespace AllocReplay.Recorder;

/// <summary>Finds the process images that a control request is about.</summary>
public static class ControlTarget
{
    /// <summary>The images of a process id, a recording directory, or a process image's directory.</summary>
    /// <param name="target">Whose.</param>
    /// <param name="runningOnly">Leave out those of a directory that are known to have ended.</param>
    /// <exception cref="ControlException">There are none.</exception>
    public static IReadOnlyList<string> Find(string target, bool runningOnly = false)
    {
        if (target.Length == 0)
            throw new ControlException(Nothing);
        if (File.Exists(Path.Combine(target, Wire.ProcessFile)))
            return [target];
        if (Directory.Exists(target))
        {
            DrainProcess.BringIn(target); // the directories of images that have just begun too
            if (runningOnly && RunningImages.Of(target) is { Count: > 0 } running)
                return running;
            IReadOnlyList<string> images = SessionSwitch.Images(target);
            return images.Count > 0 ? images : throw new ControlException($"{target}: holds no process image (yet)");
        }
        return int.TryParse(target, out int pid)
            ? [OfProcess(pid)]
            : throw new ControlException($"{target}: neither a process id nor a recording directory");
    }

    /// <summary>The image of a process id, as its directory is: nobody is asked to bring it up to date.</summary>
    /// <exception cref="ControlException">There is none.</exception>
    internal static string OfProcessAsItIs(int pid) => OfProcess(pid, bringsIn: false);

    /// <summary>The recording that a process has a part in; null where there is none that we may know of.</summary>
    internal static string? RecordingOf(int pid)
    {
        try
        {
            return SessionOf(pid) is { } session && ImageOf(pid, session, bringsIn: false) is not null ? session : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // it has ended, or is not ours to look at
        }
    }

    /// <summary>The command that a recorder runs: who started it knows the recorder's process id only.</summary>
    private static string? ImageOfChild(int pid, bool bringsIn)
    {
        try
        {
            foreach (string task in Directory.GetDirectories($"/proc/{pid}/task"))
                foreach (string child in File.ReadAllText(Path.Combine(task, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries))
                    if (int.Parse(child, CultureInfo.InvariantCulture) is var id && SessionOf(id) is { } session && ImageOf(id, session, bringsIn) is { } image)
                        return image;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It ended meanwhile, or the kernel does not list children.
        }
        return null;
    }

    /// <summary>The latest image that runs under an id; null when none does.</summary>
    private static string? ImageOf(int pid, string session, bool bringsIn)
    {
        if (!Directory.Exists(session))
            return null;
        if (bringsIn)
            DrainProcess.BringIn(session);
        int own = ProcessStatus.Of(pid)?.OwnPid ?? pid; // by which the process knows itself, and so its image is named
        return Directory.GetDirectories(session, $"p{own}.*").OrderBy(d => int.TryParse(d[(d.LastIndexOf('.') + 1)..], out int n) ? n : -1).LastOrDefault();
    }

    /// <summary>By its environment, or by its memory where it has overwritten that, as programs do that set their title.</summary>
    private static string? SessionOf(int pid)
    {
        string process = RunningThreads.DirectoryOf(pid);
        return File.ReadAllText($"{process}/environ").Split('\0').LastOrDefault(v => v.StartsWith(Variable, StringComparison.Ordinal))?[Variable.Length..]
            ?? SharedArena.SessionOf(process);
    }

    private const string Variable = "ALLOCREPLAY_DIR=";

    internal const string Nothing = "expected a process id or a recording directory, found nothing";

    /// <summary>The command of a process that has a session's arena mapped and records nothing, as its recorder has, when the command has ended.</summary>
    private static string? ImageOfCommand(string session, bool bringsIn)
    {
        try
        {
            return SessionInfo.Load(session) is { Pid: > 0 and var pid } ? ImageOf(pid, session, bringsIn) : null;
        }
        catch (TraceFormatException)
        {
            return null; // whoever reads the recording is told
        }
    }

    /// <summary>A process that has ended, and whose recording is being completed: it is found by its name there.</summary>
    private static string? ImageOfEnded(int pid, bool bringsIn) =>
        RunningThreads.HasEnded(pid) ? SharedArena.Sessions().Select(s => ImageOf(pid, s, bringsIn)).FirstOrDefault(i => i is not null) : null;

    private static string OfProcess(int pid, bool bringsIn = true)
    {
        if (ImageOfEnded(pid, bringsIn) is { } ended)
            return ended;
        if (Directory.Exists($"/proc/{pid}") && RunningThreads.HasEnded(pid))
            throw new ControlException($"pid {pid}: has ended, and its parent has not waited for it");
        string? session;
        try
        {
            session = SessionOf(pid);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ControlException($"pid {pid}: {(Directory.Exists($"/proc/{pid}") ? "may not be looked at" : "no such process")}");
        }
        if (((session is null ? null : ImageOf(pid, session, bringsIn)) ?? ImageOfChild(pid, bringsIn)
            ?? (session is null ? null : ImageOfCommand(session, bringsIn))) is not { } image)
        {
            throw new ControlException(session is null ? $"pid {pid}: is neither a process that 'allocreplay record' started nor one that records"
                : Directory.Exists(session) ? $"pid {pid}: has no recording in {session}" : $"pid {pid}: its recording {session} is gone");
        }
        return image;
    }
}
