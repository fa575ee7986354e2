using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Recorder;

namespace AllocReplay.Cli.Options;

/// <summary>Which process image of a recording that goes on is meant.</summary>
internal static class ImageChoice
{
    /// <summary>The process images that a process id, a recording directory or a process image's directory names.</summary>
    /// <param name="target">The name.</param>
    /// <param name="instead">The command for a packed trace, to which nothing is added.</param>
    /// <exception cref="UsageException">It is a packed trace.</exception>
    /// <exception cref="ControlException">There is no such process or recording.</exception>
    public static WatchedImages Find(string target, string instead)
    {
        if (!File.Exists(target))
            return WatchedImages.Find(target);
        using Trace trace = Trace.Open(target);
        throw new UsageException($"{target}: is a packed trace, and complete; {TextLine.Command(instead, target)} shows it");
    }

    /// <summary>The one to begin with: that of a name, or the busiest of those that run, or of all.</summary>
    /// <param name="images">Those that are meant.</param>
    /// <param name="process">Its name, or null.</param>
    /// <exception cref="ControlException">There is no process image.</exception>
    /// <exception cref="UsageException">There is no image of that name.</exception>
    public static string First(WatchedImages images, string? process)
    {
        IReadOnlyList<string> all = images.Now();
        if (all.Count == 0)
            throw new ControlException($"{images.Session}: holds no process image (yet)");
        if (process is not null)
        {
            return all.FirstOrDefault(i => Path.GetFileName(i) == process)
                ?? throw new UsageException($"{images.Session}: no process image {process}; there are {string.Join(", ", all.Select(Path.GetFileName))}");
        }
        return Busiest(images.Running()) ?? Busiest(all)!;
    }

    /// <summary>The one with most on disk; null of none.</summary>
    public static string? Busiest(IReadOnlyList<string> among) =>
        among.OrderByDescending(WatchedImages.BytesOf).ThenBy(i => i, StringComparer.Ordinal).FirstOrDefault();
}
