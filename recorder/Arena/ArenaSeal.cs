namespace AllocReplay.Recorder.Arena;

/// <summary>Asks the drain to bring to disk all that was written before.</summary>
internal static unsafe class ArenaSeal
{
    /// <param name="arena">The session's.</param>
    /// <param name="isAlive">Whether the drain still runs.</param>
    /// <returns>Whether it was done.</returns>
    public static bool Ask(SharedArena arena, Func<bool> isAlive)
    {
        ArenaHeader* header = arena.Header;
        uint asked = Interlocked.Increment(ref header->SealAsked);
        Libc.Wake(&header->SealAsked);
        while (true)
        {
            uint done = Volatile.Read(ref header->Sealed);
            if ((int)(done - asked) >= 0)
                return true;
            if (!isAlive())
                return (int)(Volatile.Read(ref header->Sealed) - asked) >= 0;
            Libc.Wait(&header->Sealed, done, TimeSpan.FromMilliseconds(20));
        }
    }
}
