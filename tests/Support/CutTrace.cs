using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Recording;

namespace AllocReplay.Tests.Support;

/// <summary>Makes of a whole recording what <c>record --keep</c> leaves of it: a window, and what was live when it begins.</summary>
internal static class CutTrace
{
    /// <summary>Cuts it behind so many events of the merged order.</summary>
    /// <param name="recording">A recording, of whose process images the busiest is cut, or one image's directory.</param>
    /// <param name="events">Events.</param>
    public static void After(string recording, long events)
    {
        string image;
        using (TraceReader reader = TraceReader.Open(recording))
            image = Path.Combine(recording, reader.Image);
        using RecordingWindow window = RecordingWindow.Open(Directory.Exists(image) ? image : recording);
        window.Look(isLast: true);
        Assert.Equal(events, window.PassEvents(events));
        window.Save();
    }

    /// <summary>Cuts one image's directory behind so many events, or as few more as there have to be before there can be a cut.</summary>
    /// <returns>Events before the cut; null where there can be none up to the end.</returns>
    public static int? BehindAtLeast(string image, int events)
    {
        using RecordingWindow window = RecordingWindow.Open(image);
        window.Look(isLast: true);
        Assert.Equal(events, window.PassEvents(events));
        for (; !window.IsCut; events++)
            if (window.PassEvents(1) == 0)
                return null;
        window.Save();
        return events;
    }

    /// <summary>Some cuts of a random recording, all over it: each image is there until the next is asked for.</summary>
    /// <param name="trace">The recording.</param>
    /// <param name="events">Events that it has.</param>
    /// <param name="directory">Where they are made.</param>
    /// <returns>The directory of an image that was cut, and the events before the cut.</returns>
    public static IEnumerable<(string Image, int Cut)> CutsOf(RandomKept trace, int events, TemporaryDirectory directory)
    {
        for (int wanted = 1; wanted <= events; wanted += 1 + events / 6)
        {
            string kept = directory[$"k{Guid.NewGuid():N}"];
            trace.Save(kept);
            if (BehindAtLeast(kept, wanted) is { } cut)
                yield return (kept, cut);
            Directory.Delete(kept, recursive: true);
        }
    }

    /// <summary>Cuts it in the middle, or so.</summary>
    /// <param name="recording">As above.</param>
    /// <param name="share">Share of the events that is before the cut.</param>
    /// <returns>The most that was live from there on, bytes; reckoned from the whole.</returns>
    public static ulong At(string recording, double share)
    {
        List<TraceEvent> events = Read(recording);
        int cut = (int)(events.Count * share);
        After(recording, cut);
        return PeakLive(events, cut);
    }

    public static List<TraceEvent> Read(string trace)
    {
        var events = new List<TraceEvent>();
        using TraceReader reader = TraceReader.Open(trace);
        while (reader.Read(out TraceEvent e))
            events.Add(e);
        return events;
    }

    /// <summary>Bytes of live blocks at their highest, at the cut or later.</summary>
    public static ulong PeakLive(List<TraceEvent> events, int cut)
    {
        var blocks = new Dictionary<long, ulong>();
        ulong live = 0, peak = 0;
        for (int i = 0; i < events.Count; i++)
        {
            if (i >= cut)
                peak = Math.Max(peak, live);
            if (events[i].ReleasedObject >= 0 && blocks.Remove(events[i].ReleasedObject, out ulong given))
                live -= given;
            if (events[i].DisplacedObject >= 0 && blocks.Remove(events[i].DisplacedObject, out ulong lost))
                live -= lost;
            if (events[i].Acquires)
                live += blocks[events[i].Object] = events[i].BytesRequested;
        }
        return Math.Max(peak, live);
    }
}
