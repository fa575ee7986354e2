using AllocReplay.Formats;
using AllocReplay.Formats.Recording;
using AllocReplay.Recorder.Arena;

namespace AllocReplay.Recorder;

/// <summary>
/// Starts and stops a session as a whole: the process images that run, and, through the file <c>stopped</c>, those that are
/// still to come. The file is changed first, so that an image which begins meanwhile is in the state asked for, or is found
/// among those that run.
/// </summary>
public static unsafe class SessionSwitch
{
    /// <summary>Longer than an image takes from its first file to the whole of its header: some 100 us.</summary>
    private static readonly TimeSpan BeginMax = TimeSpan.FromSeconds(1);

    /// <summary>New images start recording. Does not touch those that run.</summary>
    public static void Open(string session)
    {
        File.Delete(Path.Combine(session, Wire.StoppedFile));
        using SharedArena? arena = SharedArena.Open(session);
        if (arena is not null && arena.Header->Control == 0)
        {
            arena.Header->Interval++;
            Volatile.Write(ref arena.Header->Control, arena.Header->Interval);
        }
    }

    /// <summary>New images start without recording. Does not touch those that run.</summary>
    public static void Close(string session)
    {
        File.WriteAllBytes(Path.Combine(session, Wire.StoppedFile), []);
        using SharedArena? arena = SharedArena.Open(session);
        if (arena is null)
            return;
        Volatile.Write(ref arena.Header->Control, 0);
        // Those that have just read the word are among the slots that are taken: see ar_arena_publish.
        Interlocked.MemoryBarrier();
        for (uint i = 0; i < arena.ImageCount; i++)
            if (Volatile.Read(ref arena.Image(i)->State) == ArenaWire.ImageClaimed)
                Volatile.Write(ref arena.Image(i)->Process.Control, 0);
        // The directories of those that began are there after this.
        _ = ArenaSeal.Ask(arena, DrainProcess.AnswersFor(arena));
    }

    /// <summary>
    /// Brings to disk what a recording has in shared memory, whether its processes still run or have been killed together with the recorder.
    /// </summary>
    /// <param name="path">A recording directory, or a process image's in it; anything else is left alone.</param>
    /// <exception cref="ControlException">It cannot be done.</exception>
    public static void BringIn(string path)
    {
        if (Directory.Exists(path))
            DrainProcess.BringIn(File.Exists(Path.Combine(path, Wire.ProcessFile)) ? Path.GetDirectoryName(Path.GetFullPath(path.TrimEnd('/')))! : path);
    }

    /// <summary>Stops every image that runs, and lets none begin.</summary>
    public static void StopAll(string session)
    {
        Close(session);
        foreach (string image in RunningImages.Of(session))
        {
            using ControlledProcess? process = Begun(image);
            process?.Stop();
        }
    }

    /// <summary>Process ids of the images that still run.</summary>
    public static IReadOnlyList<uint> Running(string session)
    {
        var running = new SortedSet<uint>();
        foreach (string image in RunningImages.Of(session))
        {
            using ControlledProcess? process = Begun(image);
            if (process?.Status() is { Alive: true, State: not "failed" } status)
                running.Add(status.Pid);
        }
        return [.. running];
    }

    /// <summary>The directories of a session's process images.</summary>
    public static IReadOnlyList<string> Images(string session) => Trace.ImageDirectories(session);

    /// <summary>An image whose recording has begun; null for one whose process has ended before.</summary>
    private static ControlledProcess? Begun(string image)
    {
        ControlledProcess? process = null;
        string name = Path.GetFileName(image); // pPID.N
        int pid = int.TryParse(name.AsSpan(1, Math.Max(0, name.IndexOf('.') - 1)), out int id) ? id : 0;
        SpinWait.SpinUntil(() => (process = TryOpen(image)) is not null || !Signals.Reach(pid), BeginMax);
        return process;
    }

    private static ControlledProcess? TryOpen(string image)
    {
        try
        {
            return ControlledProcess.Open(image);
        }
        catch (ControlException)
        {
            return null;
        }
    }

    /// <summary>Whether a directory is a session's, not one image's.</summary>
    public static bool IsSession(string directory) => Directory.Exists(directory) && !File.Exists(Path.Combine(directory, Wire.ProcessFile));
}
