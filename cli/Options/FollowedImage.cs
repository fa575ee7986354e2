using System.Diagnostics;
using AllocReplay.Formats;
using AllocReplay.Recorder;

namespace AllocReplay.Cli.Options;

/// <summary>A process image that is followed while it is recorded: its reader, and whether anything is to come.</summary>
internal sealed class FollowedImage : IDisposable
{
    /// <summary>Another process takes over at once from one that wrote the files and was killed, if any does.</summary>
    private static readonly TimeSpan TakeOverMax = TimeSpan.FromSeconds(5);

    private readonly ImageWatch _watch;
    private readonly Stopwatch _abandoned = new();

    private FollowedImage(ImageWatch watch, TraceFollower reader) => (_watch, Reader) = (watch, reader);

    /// <summary>What reads it.</summary>
    public TraceFollower Reader { get; }

    /// <summary>Whether nothing is to come because who wrote the files was killed.</summary>
    public bool IsAbandoned { get; private set; }

    /// <summary>Begins at its beginning.</summary>
    /// <param name="directory">Of the process image.</param>
    /// <param name="range">The part to read, or null for all.</param>
    /// <exception cref="ControlException">It is none, or cannot be read.</exception>
    /// <exception cref="TraceFormatException">It cannot be read, or its head is damaged.</exception>
    public static FollowedImage Open(string directory, TraceRange? range = null)
    {
        ImageWatch watch = ImageWatch.Open(directory);
        try
        {
            return new FollowedImage(watch, TraceFollower.Open(directory, range));
        }
        catch
        {
            watch.Dispose();
            throw;
        }
    }

    /// <summary>Looks what has come. When it has ended, that is all, and all of it is final.</summary>
    /// <exception cref="TraceFormatException">It was removed, or a file cannot be opened.</exception>
    public void Look()
    {
        // Before the look: what had ended by then is whole in what the look finds.
        ImageLife life = _watch.Life();
        if (life != ImageLife.Abandoned)
            _abandoned.Reset();
        else if (!_abandoned.IsRunning)
            _abandoned.Restart();
        IsAbandoned = _abandoned.Elapsed > TakeOverMax;
        if (life == ImageLife.Running && !Directory.Exists(Reader.Path) && _watch.Life() == ImageLife.Running)
            throw new TraceFormatException(Reader.Path, null, "was removed while it was recorded and watched");
        if (life == ImageLife.Ended || IsAbandoned)
            Reader.Finish();
        else
            Reader.Look();
    }

    public void Dispose()
    {
        Reader.Dispose();
        _watch.Dispose();
    }
}
