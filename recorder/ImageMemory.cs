using AllocReplay.Formats.Recording;
using AllocReplay.Recorder.Arena;

namespace AllocReplay.Recorder;

/// <summary>The shared memory of a process image, for whoever controls it: its page, and its threads' flags.</summary>
internal abstract unsafe class ImageMemory : IDisposable
{
    /// <summary>The page that its threads read at every call.</summary>
    public abstract ProcessHeader* Page { get; }

    /// <summary>Whether its threads may still come.</summary>
    public abstract bool IsAlive { get; }

    /// <summary>Whether every thread's flag was seen down, each once.</summary>
    public abstract bool AllDown();

    /// <summary>Looks for threads that came since the last call.</summary>
    /// <returns>Whether there are any.</returns>
    public abstract bool LookForMore();

    /// <summary>Brings what the threads have written to disk. Only while none writes.</summary>
    /// <exception cref="ControlException">It cannot be.</exception>
    public abstract void Seal();

    /// <summary>The number of the interval that a start begins.</summary>
    public abstract uint NextInterval();

    public abstract void Dispose();
}

/// <summary>In the session's arena, which another process drains.</summary>
internal sealed unsafe class ArenaImage(SharedArena arena, uint slot) : ImageMemory
{
    private readonly ulong _started = arena.Image(slot)->Process.StartTicks;

    public override ProcessHeader* Page => &arena.Image(slot)->Process;

    public override bool IsAlive => Volatile.Read(ref arena.Image(slot)->State) == ArenaWire.ImageLive && Page->StartTicks == _started;

    /// <summary>The slot of an image, known by its process id and its start; null when it has ended.</summary>
    public static ImageMemory? Find(SharedArena arena, in ProcessHeader header)
    {
        for (uint i = 0; i < arena.ImageCount; i++)
        {
            ImageSlot* slot = arena.Image(i);
            if (slot->State == ArenaWire.ImageLive && slot->Process.Pid == header.Pid && slot->Process.StartTicks == header.StartTicks)
                return new ArenaImage(arena, i);
        }
        return null;
    }

    public override bool AllDown()
    {
        foreach (SharedArena.ClassView view in arena.Classes)
        {
            for (uint chunk = 0; chunk < view.Count; chunk++)
            {
                ulong owner = Volatile.Read(ref view.Owners[chunk]);
                if ((owner & ArenaWire.ChunkStateMask) is ArenaWire.ChunkOwned or ArenaWire.ChunkExited
                    && (owner >> ArenaWire.ChunkImageShift & ArenaWire.ChunkImageMask) == slot
                    && Volatile.Read(ref ((ChunkHeader*)view.Chunk(chunk))->Inside) != 0)
                {
                    return false;
                }
            }
        }
        return true;
    }

    /// <summary>A thread that takes a chunk does so in a slow path, which is counted.</summary>
    public override bool LookForMore() => false;

    public override void Seal()
    {
        if (!ArenaSeal.Ask(arena, DrainProcess.AnswersFor(arena)))
            throw new ControlException("the process that writes the recording has ended; 'allocreplay info' on the recording brings in what it left");
    }

    public override uint NextInterval()
    {
        ArenaHeader* header = arena.Header;
        uint session = Volatile.Read(ref header->Control);
        if (session > Page->Interval)
            return session;
        uint next = Math.Max(header->Interval, Page->Interval) + 1;
        header->Interval = next;
        if (session != 0)
            Volatile.Write(ref header->Control, next);
        return next;
    }

    public override void Dispose() => arena.Dispose();
}
