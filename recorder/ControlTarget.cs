using System.Globalization;
using AllocReplay.Formats.Recording;

namespace AllocReplay.Recorder;

/// <summary>Finds the process images that a control request is about.</summary>
public static class ControlTarget
{
    /// <summary>The images of a process id, a recording directory, or a process image's directory: those still running first.</summary>
    /// <exception cref="ControlException">There are none.</exception>
    public static IReadOnlyList<string> Find(string target)
    {
        if (File.Exists(Path.Combine(target, Wire.ProcessFile)))
            return [target];
        if (Directory.Exists(target))
        {
            DrainProcess.BringIn(target); // the directories of images that have just begun too
            IReadOnlyList<string> images = SessionSwitch.Images(target);
            return images.Count > 0 ? images : throw new ControlException($"{target}: holds no process image (yet)");
        }
        return int.TryParse(target, out int pid)
            ? [OfProcess(pid)]
            : throw new ControlException($"{target}: neither a process id nor a recording directory");
    }

    /// <summary>The command that a recorder runs: who started it knows the recorder's process id only.</summary>
    private static int? RecordedChild(int pid)
    {
        try
        {
            foreach (string task in Directory.GetDirectories($"/proc/{pid}/task"))
                foreach (string child in File.ReadAllText(Path.Combine(task, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries))
                    if (File.ReadAllText($"/proc/{child}/environ").Contains("ALLOCREPLAY_DIR=", StringComparison.Ordinal))
                        return int.Parse(child, CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It ended meanwhile, or the kernel does not list children.
        }
        return null;
    }

    private static string OfProcess(int pid)
    {
        string environment;
        try
        {
            environment = File.ReadAllText($"/proc/{pid}/environ");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ControlException($"pid {pid}: {(Directory.Exists($"/proc/{pid}") ? "may not be looked at" : "no such process")}");
        }
        string? session = environment.Split('\0').LastOrDefault(v => v.StartsWith("ALLOCREPLAY_DIR=", StringComparison.Ordinal))?[16..];
        if (session is null)
        {
            return RecordedChild(pid) is { } child
                ? OfProcess(child)
                : throw new ControlException($"pid {pid}: is neither a process that 'allocreplay record' started nor one that records");
        }
        if (Directory.Exists(session))
            DrainProcess.BringIn(session);
        // The latest image that runs under this id.
        return Directory.Exists(session)
            ? Directory.GetDirectories(session, $"p{pid}.*").OrderBy(d => int.TryParse(d[(d.LastIndexOf('.') + 1)..], out int n) ? n : -1).LastOrDefault()
                ?? throw new ControlException($"pid {pid}: has no recording in {session}")
            : throw new ControlException($"pid {pid}: its recording {session} is gone");
    }
}
