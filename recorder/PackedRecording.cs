using System.Runtime.InteropServices;
using AllocReplay.Formats;
using AllocReplay.Formats.Packed;
using AllocReplay.Recorder.Arena;

namespace AllocReplay.Recorder;

/// <summary>
/// The packed trace that a recording becomes while it is written, on a thread of its own that comes after the program: where the processors are busy with
/// that, events stay in the recording's directory until there is time.
/// </summary>
public sealed partial class PackedRecording : IDisposable
{
    private const int Niceness = 10;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    private readonly SpillPacker _packer;
    private readonly CancellationTokenSource _stop = new();
    private readonly Thread _thread;

    private PackedRecording(SpillPacker packer)
    {
        _packer = packer;
        _thread = new Thread(Work) { IsBackground = true, Name = "packer" };
        _thread.Start();
    }

    /// <summary>Why it was not packed any further while it was recorded; null: nothing was wrong. <see cref="Complete"/> tries again.</summary>
    public string? Failure { get; private set; }

    /// <summary>Begins the file, and to pack.</summary>
    /// <param name="session">The recording's directory, whose session names the file.</param>
    /// <param name="replace">Whether a file of that name is replaced.</param>
    /// <exception cref="TraceNotWritableException">It cannot be written.</exception>
    public static PackedRecording Begin(string session, bool replace)
    {
        var packer = SpillPacker.Begin(session, SpillPacker.FileOf(session)!, replace);
        packer.Encoders = 0;
        return new PackedRecording(packer);
    }

    /// <summary>The file that has the events which a recording's directory has no more; null where it has all.</summary>
    /// <param name="session">The directory.</param>
    /// <exception cref="TraceFormatException">It names one that cannot be: the directory may be a stranger's.</exception>
    public static string? FileOf(string session) => SpillPacker.FileOf(session);

    /// <summary>
    /// Packs what is left of a recording of which a part was packed while it was written. What was packed is let go of, and the directory goes where nobody
    /// writes it any more.
    /// </summary>
    /// <param name="session">The recording's directory.</param>
    /// <param name="partial">Go on with what is readable of a damaged recording. The file then says so whenever it is read.</param>
    /// <param name="progress">Told the share that is done, from 0 to 1.</param>
    /// <param name="cancellation">Ends it early; it can be gone on with.</param>
    /// <returns>What is in the file.</returns>
    /// <exception cref="ControlException">The recording cannot be brought up to date.</exception>
    /// <exception cref="TraceFormatException">The file is not there, or not the recording's.</exception>
    /// <exception cref="TraceDamagedException">The recording is damaged, and <paramref name="partial"/> is not given.</exception>
    /// <exception cref="TraceNotWritableException">The file cannot be written.</exception>
    /// <exception cref="IOException">The recording cannot be read.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static PackResult Complete(string session, bool partial, IProgress<double>? progress, CancellationToken cancellation)
    {
        using SpillPacker packer = SpillPacker.Continue(session);
        PackResult result = packer.Complete(HasEnded, () => DrainProcess.BringIn(session), partial, progress, cancellation);
        if (Trace.ImageDirectories(session).Count == 0 && !IsRunning(session))
            Directory.Delete(session, recursive: true);
        return result;
    }

    /// <summary>Whether processes record into it: not into a copy.</summary>
    private static bool IsRunning(string session)
    {
        try
        {
            return SessionSwitch.Running(session).Count > 0;
        }
        catch (ForeignArenaException)
        {
            return false;
        }
    }

    /// <summary>Ends the thread, after the segment that it is at. What it has packed is in the file.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _thread.Join();
        _packer.Dispose();
        _stop.Dispose();
    }

    private static bool HasEnded(string image)
    {
        using ImageWatch watch = ImageWatch.Open(image);
        return watch.Life() != ImageLife.Running;
    }

    private void Work()
    {
        _ = SetPriority(0 /* PRIO_PROCESS: for Linux, the thread */, 0, Niceness);
        try
        {
            while (!_stop.Token.WaitHandle.WaitOne(_packer.PackSegments(_stop.Token) ? TimeSpan.Zero : Pause))
                continue;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or TraceFormatException)
        {
            Failure = e.Message;
        }
    }

    [LibraryImport("libc", EntryPoint = "setpriority")]
    private static partial int SetPriority(int which, uint who, int niceness);
}
