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
            IReadOnlyList<string> images = SessionSwitch.Images(target);
            return images.Count > 0 ? images : throw new ControlException($"{target}: holds no process image (yet)");
        }
        return int.TryParse(target, out int pid)
            ? [OfProcess(pid)]
            : throw new ControlException($"{target}: neither a process id nor a recording directory");
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
        string session = environment.Split('\0').LastOrDefault(v => v.StartsWith("ALLOCREPLAY_DIR=", StringComparison.Ordinal))?[16..]
            ?? throw new ControlException($"pid {pid}: was not started by 'allocreplay record'");
        // The latest image that runs under this id.
        return Directory.Exists(session)
            ? Directory.GetDirectories(session, $"p{pid}.*").OrderBy(d => int.TryParse(d[(d.LastIndexOf('.') + 1)..], out int n) ? n : -1).LastOrDefault()
                ?? throw new ControlException($"pid {pid}: has no recording in {session}")
            : throw new ControlException($"pid {pid}: its recording {session} is gone");
    }
}
