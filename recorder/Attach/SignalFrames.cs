using System.Runtime.InteropServices;

namespace AllocReplay.Recorder.Attach;

/// <summary>
/// What the kernel puts on a stack when it calls a signal handler (struct rt_sigframe). Below it the handler runs; above it is code that was interrupted
/// anywhere, as in the middle of malloc.
/// </summary>
/// <remarks>
/// Found is the word of the code and stack selectors, and not the address of the code that calls sigreturn: a program may have that of its own. Nothing
/// but the kernel, and a copy of what it wrote, has this word. Frames of handlers that have returned may lie in the part of a stack that is in
/// use again, in memory that is not written yet: those pass for frames too, and the thread is refused though it might not have been.
/// </remarks>
internal static class SignalFrames
{
    private const int KindAt = 4, SelectorsAt = 24; // in words, from the return address on: what sigaltstack is to be set to, and the selectors

    /// <summary>A kind of alternative signal stack that there is not: by it a <see cref="RestoringFrame"/> is told from the kernel's frames.</summary>
    public const uint NoKind = 7;

    /// <summary>Whether a frame lies there.</summary>
    /// <param name="stack">A stack, from its pointer on.</param>
    /// <param name="selectors">Of the thread: cs in the lowest 16 bits, ss in the highest.</param>
    /// <param name="ownToo">Whether frames of ours count, too. They stay behind when the thread is where it was.</param>
    public static bool AnyIn(ReadOnlySpan<byte> stack, ulong selectors, bool ownToo)
    {
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(stack);
        for (int at = 0; words[at..].IndexOf(selectors) is >= 0 and var next; at += next + 1)
            if (at + next - SelectorsAt is >= 0 and var start && (ownToo || (uint)words[start + KindAt] != NoKind))
                return true;
        return false;
    }
}
