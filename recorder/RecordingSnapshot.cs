using AllocReplay.Formats;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Packed;
using AllocReplay.Formats.Recording;

namespace AllocReplay.Recorder;

/// <summary>What there is of a recording at one moment, as a packed trace of its own, while it goes on.</summary>
/// <remarks>
/// <para>It asks the process that writes the recording to bring in what the threads have, twice, and reads files: the program is not stopped, and none of
/// its threads waits. What was brought in the first time is final when the second is over: the moment is that of the first, the same for all images.</para>
/// </remarks>
public static class RecordingSnapshot
{
    /// <summary>Packs what there is.</summary>
    /// <param name="images">Directories of process images, of one recording.</param>
    /// <param name="path">The file to write. It appears under its name only when it is whole.</param>
    /// <param name="replace">Whether a file of that name is replaced.</param>
    /// <param name="progress">Told the share that is done, from 0 to 1.</param>
    /// <param name="cancellation">Ends it early; nothing is left behind.</param>
    /// <returns>What was written.</returns>
    /// <exception cref="ControlException">The recording cannot be brought up to date.</exception>
    /// <exception cref="TraceFormatException">It cannot be read, or has no process image.</exception>
    /// <exception cref="TraceNotWritableException">The file cannot be written, or is there and not to be replaced.</exception>
    /// <exception cref="IOException">The recording cannot be read.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static PackResult Take(IReadOnlyList<string> images, string path, bool replace = false, IProgress<double>? progress = null,
        CancellationToken cancellation = default)
    {
        if (images.Count == 0)
            throw new ControlException("there is no process image to take a snapshot of");
        string session = Path.GetDirectoryName(Path.GetFullPath(images[0].TrimEnd('/')))!;
        using var writer = new PackWriter(path, replace);
        if (SessionInfo.Load(session) is { } info)
            writer.WriteSession(info);
        var open = new List<(string Name, GrowingRecording Recording)>();
        try
        {
            DrainProcess.BringIn(session);
            foreach (string image in images)
            {
                try
                {
                    Open(image, open);
                }
                catch (Exception e) when ((e is ControlException or TraceFormatException or IOException) && !File.Exists(Path.Combine(image, Wire.ProcessFile)))
                {
                    // It had ended, and nothing of it is kept (--keep).
                }
            }
            if (open.Count == 0)
                throw new ControlException($"{session}: there is no process image to take a snapshot of");
            DrainProcess.BringIn(session);
            foreach ((_, GrowingRecording recording) in open)
                recording.Look(isLast: false);
            AlignHorizons([.. open.Select(o => o.Recording).Where(r => !r.IsFinished)]);
            long events = 0, before = 0, total = Math.Max(1, open.Sum(o => o.Recording.BytesPending));
            TraceFormatException? damage = null;
            foreach ((string name, GrowingRecording recording) in open)
            {
                var packer = new SnapshotPacker(writer, recording, name);
                packer.Run(bytes => progress?.Report(Math.Min(1, (before + bytes) / (double)total)), cancellation);
                before += recording.Merge.BytesRead;
                events += packer.Events;
                damage ??= recording.Damage;
            }
            writer.Complete();
            progress?.Report(1);
            return new PackResult(open.Count, events, new FileInfo(path).Length, damage);
        }
        finally
        {
            foreach ((_, GrowingRecording recording) in open)
                recording.Dispose();
        }
    }

    private static void Open(string image, List<(string Name, GrowingRecording Recording)> open)
    {
        using ImageWatch watch = ImageWatch.Open(image);
        bool isOver = watch.Life() != ImageLife.Running;
        var recording = GrowingRecording.Open(ByteFolder.OfDirectory(image));
        open.Add((Path.GetFileName(image.TrimEnd('/')), recording));
        recording.Look(isLast: isOver);
    }

    /// <summary>The same moment for all images: the earliest of those up to which they are known.</summary>
    private static void AlignHorizons(IReadOnlyList<GrowingRecording> recordings)
    {
        if (recordings.Count == 0)
            return;
        ulong earliest = recordings.Min(r => r.HorizonTicks);
        foreach (GrowingRecording recording in recordings)
            recording.EndAt(earliest);
    }
}
