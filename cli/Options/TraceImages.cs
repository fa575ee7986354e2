using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Recorder;
using AllocReplay.Replayer.Compare.Corpus;

namespace AllocReplay.Cli.Options;

/// <summary>Which process images of a trace are compared, where all are asked for: many do next to nothing, and there may be hundreds.</summary>
internal static class TraceImages
{
    /// <summary>Images of a trace that are compared at the most: each takes its time.</summary>
    private const int Most = 16;

    /// <summary>Images with fewer events, in bytes, than this share of the busiest one's have very little to tell.</summary>
    private const double LittleShare = 0.01;

    /// <summary>The busiest images of a trace, and what is left out of it.</summary>
    /// <param name="all">The trace, with <see cref="TraceArguments.AllProcesses"/> for its process image.</param>
    /// <param name="most">Images that there is time for; one at the least.</param>
    /// <returns>The trace itself where it cannot be opened: whoever reads it is told why.</returns>
    public static (IReadOnlyList<TraceChoice> Images, LeftOut? LeftOut) Of(TraceChoice all, int most)
    {
        ProcessImage[] images;
        try
        {
            SessionSwitch.BringIn(all.Path);
            using Trace trace = Trace.Open(all.Path);
            images = [.. trace.Images];
        }
        catch (Exception e) when (e is TraceFormatException or IOException or UnauthorizedAccessException or ControlException)
        {
            return ([all with { Process = null }], null);
        }
        int busy = Math.Max(1, images.Count(i => i.EventBytes >= LittleShare * images[0].EventBytes));
        int kept = Math.Min(busy, Math.Clamp(most, 1, Most));
        return (
            [.. images.Take(kept).Select(i => all with { Process = i.Name, Program = Path.GetFileName(i.Executable) })],
            LeftOutOf(all.Path, images, busy, kept));
    }

    private static LeftOut? LeftOutOf(string path, ProcessImage[] images, int busy, int kept)
    {
        if (kept == images.Length)
            return null;
        double share = images.Skip(kept).Sum(i => (double)i.EventBytes) / Math.Max(1, images.Sum(i => i.EventBytes));
        string[] reasons =
        [
            .. busy < images.Length ? [$"{Quantity.Count(images.Length - busy)} with less than {LittleShare:0 %} of the busiest one's"] : (string[])[],
            .. kept < busy ? [$"{Quantity.Count(busy - kept)} that there is no time for: name one by --process, or give a longer --budget"] : (string[])[],
        ];
        return new LeftOut(
            path, $"{Quantity.Count(images.Length - kept)} of {Quantity.Count(images.Length, "process image")}",
            FormattableString.Invariant($"{share * 100:0.0} % of its events; ") + string.Join("; ", reasons));
    }
}
