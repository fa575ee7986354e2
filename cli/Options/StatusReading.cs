using AllocReplay.Formats;
using AllocReplay.Formats.Statistics;
using AllocReplay.Recorder;

namespace AllocReplay.Cli.Options;

/// <summary>What <c>control TARGET status</c> tells: what the recording is doing, and what is live where that is soon counted.</summary>
internal static class StatusReading
{
    /// <summary>
    /// Bytes of files that are read for what is live, of all images together: two seconds' worth. Two cores that are free merge and count some 30 MiB of
    /// events in a second; beside a program that keeps both busy it takes twice as long.
    /// </summary>
    public const long CountedMax = 32 << 20;

    /// <summary>Looks at a process id, a recording directory or a process image's directory.</summary>
    /// <exception cref="ControlException">There is none, or it cannot be read.</exception>
    public static RecordingStatus Of(string target)
    {
        // The drain first: who is asked to bring something to disk is a successor, where it was killed.
        DrainState drain = DrainOf(target);
        bool answers = drain is DrainState.Running or DrainState.Ended;
        IReadOnlyList<string> images = answers ? ControlTarget.Find(target) : AsTheyAre(target);
        RunningTrace[] moments = [.. images.Select(i => RunningTrace.Of(new TraceChoice(i)))];
        string session = Path.GetDirectoryName(Path.GetFullPath(images[0].TrimEnd('/')))!;
        if (drain == DrainState.Running)
            SessionSwitch.BringIn(session);
        RecordingStatus status = RecordingStatus.Of(session, images);
        return status with { Images = [.. Count(status.Images, images, moments)] };
    }

    private static DrainState DrainOf(string target)
    {
        try
        {
            return DrainStatus.Of(WatchedImages.Find(target).Session).State;
        }
        catch (ControlException)
        {
            return DrainState.Ended; // whoever looks for it properly says why
        }
    }

    private static IReadOnlyList<string> AsTheyAre(string target)
    {
        WatchedImages images = WatchedImages.Find(target);
        return images.Now() is { Count: > 0 } all ? all : throw new ControlException($"{images.Session}: holds no process image (yet)");
    }

    private static IEnumerable<ImageStatus> Count(IReadOnlyList<ImageStatus> images, IReadOnlyList<string> directories, RunningTrace[] moments)
    {
        long left = CountedMax;
        foreach ((ImageStatus image, string directory, RunningTrace moment) in images.Zip(directories, moments))
        {
            if (image.Alive && image.DiskBytes <= left)
            {
                left -= image.DiskBytes;
                yield return Count(image, directory, moment);
            }
            else
            {
                yield return image;
            }
        }
    }

    private static ImageStatus Count(ImageStatus image, string directory, RunningTrace moment)
    {
        try
        {
            using TraceReader reader = moment.OpenImage(Trace.Open(directory), image.Image);
            var statistics = new TraceStatistics();
            reader.ForEach([statistics]);
            return moment.Live is not { } live ? image : image with
            {
                UntilNs = live.UntilNs,
                Events = statistics.Events,
                LiveBlocks = statistics.LiveBlocks,
                LiveBytes = statistics.LiveBytes,
            };
        }
        catch (TraceFormatException)
        {
            return image; // 'info' says what is wrong with it
        }
    }
}
