using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Order;

namespace AllocReplay.Replayer.Verify;

/// <summary>A call as a trace shows it, with the block that it gives up named by the call that acquired that: addresses play no part.</summary>
internal struct ExecutedCall
{
    /// <summary><see cref="SourceCall"/>: it gives up no block, or was given a null pointer.</summary>
    public const long NoBlock = -1;
    /// <summary><see cref="SourceCall"/>: a block whose acquisition is not in the trace.</summary>
    public const long UnknownBlock = -2;

    /// <summary>What was called; a reallocation by its end, the creation of a thread as that.</summary>
    public CallKind Kind;
    /// <summary>An acquisition that gave no block, a release that was given none.</summary>
    public bool IsNull;
    /// <summary>Thread of the call that acquired the block given up; of a creation, the thread created.</summary>
    public int SourceThread;
    /// <summary>Index of that call in its thread, or one of the constants.</summary>
    public long SourceCall;
    public ulong Size;
    /// <summary>Count or alignment.</summary>
    public ulong Argument;
    /// <summary>When it began and ended, nanoseconds since the start of the recording; as far as the trace tells.</summary>
    public long BeginNs, EndNs;
    /// <summary>The moment that a replay at the recorded pace aims at.</summary>
    public long MomentNs;
}

/// <summary>A call or the end of a thread, by its place.</summary>
/// <param name="Thread">The thread.</param>
/// <param name="Call">Index of the call in its thread, or <see cref="Predecessor.Exit"/>.</param>
internal readonly record struct CallPlace(int Thread, long Call);

/// <summary>One is over before the other begins.</summary>
internal readonly record struct OrderEdge(CallPlace Earlier, CallPlace Later);
