using System.Diagnostics;
using AllocReplay.Formats;
using AllocReplay.Recorder;

namespace AllocReplay.Cli.Options;

/// <summary>
/// A trace that may be recorded while it is read. It is read up to the moment at which it was looked at: what had been recorded by then is brought to disk
/// afterwards, so that all of it is there, and of what came later, of which there is a part, nothing counts.
/// </summary>
internal sealed class RunningTrace
{
    private readonly long _moment = Stopwatch.GetTimestamp();
    private readonly HashSet<string> _running; // names of process images

    private RunningTrace(TraceChoice choice)
    {
        Choice = choice;
        _running = Directory.Exists(choice.Path) ? [.. WatchedImages.Find(choice.Path).Running().Select(d => Path.GetFileName(d)!)] : [];
    }

    /// <summary>What is to be read: of a process id, its recording.</summary>
    public TraceChoice Choice { get; }

    /// <summary>Of the process image that was opened: null where it has ended.</summary>
    public LiveMoment? Live { get; private set; }

    /// <summary>Looks which of its process images are recorded. To be called before anything is brought to disk.</summary>
    /// <exception cref="ControlException">There is no such process, or it is not recorded.</exception>
    public static RunningTrace Of(TraceChoice choice)
    {
        if (Path.Exists(choice.Path) || !uint.TryParse(choice.Path, out _))
            return new RunningTrace(choice);
        WatchedImages images = WatchedImages.Find(choice.Path);
        return new RunningTrace(choice with { Path = images.Session, Process = Path.GetFileName(ImageChoice.First(images, choice.Process)) });
    }

    /// <summary>Opens a process image of the trace, when what was recorded has been brought to disk.</summary>
    /// <param name="trace">The trace: the reader disposes of it.</param>
    /// <param name="image">Its name; null for the busiest.</param>
    public TraceReader OpenImage(Formats.Trace trace, string? image)
    {
        image ??= _running.Count > 0 ? trace.Images[0].Name : null;
        if (image is null || !_running.Contains(image))
            return trace.OpenImage(image, Choice.Range, ownsTrace: true);
        string inside = Path.Combine(Choice.Path, image);
        using ImageWatch watch = ImageWatch.Open(Directory.Exists(inside) ? inside : Choice.Path);
        Live = new LiveMoment(watch.IsRecording, watch.NsOf(_moment));
        TraceRange range = Choice.Range ?? new TraceRange();
        return trace.OpenImage(image, range with { ToNs = Math.Min(range.ToNs ?? long.MaxValue, Live.UntilNs) }, ownsTrace: true, isGrowing: true);
    }
}

/// <summary>How far a process image was recorded when it was looked at.</summary>
/// <param name="IsRecording">Whether its calls were recorded; else it was stopped.</param>
/// <param name="UntilNs">The moment, nanoseconds since the start of the recording.</param>
internal sealed record LiveMoment(bool IsRecording, long UntilNs);
