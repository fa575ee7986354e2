using System.Globalization;
using AllocReplay.Formats;
using AllocReplay.Formats.Recording;
using AllocReplay.Recorder.Arena;

namespace AllocReplay.Recorder;

/// <summary>The process images of a session that may still run: of the thousands that a build leaves, mostly a few.</summary>
internal static unsafe class RunningImages
{
    /// <summary>Their directories. Where a session has shared memory, those that have a place in it; else all.</summary>
    public static IReadOnlyList<string> Of(string session)
    {
        using SharedArena? arena = SharedArena.Open(session);
        if (arena is null)
            return Trace.ImageDirectories(session);
        var running = new HashSet<uint>();
        for (uint i = 0; i < arena.ImageCount; i++)
            if (Volatile.Read(ref arena.Image(i)->State) == ArenaWire.ImageLive)
                _ = running.Add(arena.Image(i)->Process.Pid);
        return [.. running.SelectMany(pid => ImagesOf(session, pid))];
    }

    /// <summary>pPID.0, pPID.1 and so on: which is the latest is known once it is opened.</summary>
    private static IEnumerable<string> ImagesOf(string session, uint pid)
    {
        for (int n = 0; ; n++)
        {
            string image = Path.Combine(session, string.Create(CultureInfo.InvariantCulture, $"p{pid}.{n}"));
            if (!File.Exists(Path.Combine(image, Wire.ProcessFile)))
                yield break;
            yield return image;
        }
    }
}
