using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Formats.Statistics;
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

    /// <summary>Bytes of events below which the calls of an image are counted before it is taken; with more it has calls enough.</summary>
    private const long CountedMax = 1 << 20;

    /// <summary>The busiest images of a trace, and what is left out of it. There may be none that is worth its time.</summary>
    /// <param name="all">The trace, with <see cref="TraceArguments.AllProcesses"/> for its process image.</param>
    /// <param name="most">Images that there is time for; one at the least.</param>
    /// <param name="callsMin">Calls below which an image tells nothing of allocators.</param>
    /// <returns>The trace itself where it cannot be opened: whoever reads it is told why.</returns>
    public static (IReadOnlyList<TraceChoice> Images, LeftOut? LeftOut) Of(TraceChoice all, int most, int callsMin)
    {
        ProcessImage[] images, busy;
        try
        {
            SessionSwitch.BringIn(all.Path);
            using Trace trace = Trace.Open(all.Path);
            images = [.. trace.Images];
            busy = [.. images.Where(i => i.EventBytes >= LittleShare * images[0].EventBytes && HasCalls(trace, i, all.Range, callsMin))];
        }
        catch (Exception e) when (e is TraceFormatException or IOException or UnauthorizedAccessException or ControlException)
        {
            return ([all with { Process = null }], null);
        }
        ProcessImage[] kept = [.. busy.Take(Math.Clamp(most, 1, Most))];
        return (
            [.. kept.Select(i => all with { Process = i.Name, Program = Path.GetFileName(i.Executable) })],
            LeftOutOf(all.Path, images, busy.Length, kept, callsMin));
    }

    private static bool HasCalls(Trace trace, ProcessImage image, TraceRange? range, int callsMin)
    {
        if (image.EventBytes > CountedMax)
            return true;
        try
        {
            var totals = new TraceStatistics();
            using TraceReader reader = trace.OpenImage(image.Name, range);
            reader.ForEach([totals]);
            return totals.Calls >= callsMin;
        }
        catch (TraceFormatException)
        {
            return true; // whoever compares it is told why not
        }
    }

    private static LeftOut? LeftOutOf(string path, ProcessImage[] images, int busy, ProcessImage[] kept, int callsMin)
    {
        if (kept.Length == images.Length)
            return null;
        double share = images.Except(kept).Sum(i => (double)i.EventBytes) / Math.Max(1, images.Sum(i => i.EventBytes));
        string[] reasons =
        [
            .. busy < images.Length ? [$"{Quantity.Count(images.Length - busy)} with less than {LittleShare:0 %} of the busiest one's or {callsMin:N0} calls"] : (string[])[],
            .. kept.Length < busy ? [$"{Quantity.Count(busy - kept.Length)} that there is no time for: name one by --process, or give a longer --budget"] : (string[])[],
        ];
        return new LeftOut(
            path, $"{Quantity.Count(images.Length - kept.Length)} of {Quantity.Count(images.Length, "process image")}",
            FormattableString.Invariant($"{share * 100:0.0} % of its events; ") + string.Join("; ", reasons));
    }
}
