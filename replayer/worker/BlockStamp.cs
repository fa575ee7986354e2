using AllocReplay.Replayer.Plan;

namespace AllocReplay.Worker;

/// <summary>Names the call that acquired a block, in one word that looks random: its bytes are hardly those of another's.</summary>
/// <remarks>
/// <code>
///  63      56 55           36 35                      0
/// |   0xa5   |    thread     |  op, in the thread      |   then mixed, which <see cref="TryRead"/> undoes
/// </code>
/// A word of other origin reads as one by a chance of 1 in 2^8 for the mark, times the share of threads and ops that there are.
/// </remarks>
internal static unsafe class BlockOrigin
{
    public const int ThreadBits = 20, OpBits = 36;
    private const ulong Mark = 0xa5, Factor = 0x9e37_79b9_7f4a_7c15, Inverse = 0xf1de_83e1_9937_733d;

    public static ulong Of(ReplayThread* self, PlanOp* op) =>
        Mix(Mark << (ThreadBits + OpBits) | (ulong)self->Index << OpBits | (ulong)(op - self->First));

    /// <summary>The acquisition that a word names; false when it names none of this plan.</summary>
    public static bool TryRead(Replay* replay, ulong origin, out ReplayThread* thread, out PlanOp* op) =>
        TryName(replay, origin, out thread, out op) && !CallTable.IsRelease(op->Code);

    /// <summary>The call that a word names; false when it names none of this plan.</summary>
    public static bool TryName(Replay* replay, ulong origin, out ReplayThread* thread, out PlanOp* op)
    {
        ulong plain = Unmix(origin);
        ulong index = plain >> OpBits & (1UL << ThreadBits) - 1, number = plain & (1UL << OpBits) - 1;
        thread = null;
        op = null;
        if (plain >> (ThreadBits + OpBits) != Mark || index >= (ulong)replay->ThreadCount)
            return false;
        thread = replay->Threads + index;
        if (number >= (ulong)(thread->End - thread->First))
            return false;
        op = thread->First + number;
        return CallTable.IsCall(op->Code);
    }

    // Each step can be undone: a shift by half the word, and a product with an odd number.
    private static ulong Mix(ulong x)
    {
        x = (x ^ x >> 32) * Factor;
        return x ^ x >> 32;
    }

    private static ulong Unmix(ulong x)
    {
        x = (x ^ x >> 32) * Inverse;
        return x ^ x >> 32;
    }
}

/// <summary>What stands in a block: a word for every 8 bytes of its address, or zeros.</summary>
/// <remarks>
/// The word at an address is the block's origin plus a multiple of the address. So whoever finds it there can tell whose it is, and bytes that were moved to
/// another place are not taken for those that belong there. Blocks of up to 64 KiB are written whole; larger ones in their first and last 4 KiB and
/// one word of each 4 KiB between, as to write and read all of them would take longer than anything else.
/// </remarks>
/// <param name="start">The word at the block's first byte.</param>
/// <param name="step">From one byte's word to the next byte's.</param>
internal readonly unsafe struct BlockStamp(ulong start, ulong step)
{
    private const ulong PerByte = 0x2545_f491_4f6c_dd1d;
    private const int Word = sizeof(ulong);
    private const nuint WholeMax = 64 * 1024, Edge = 4096, Stride = 4096;

    public static BlockStamp Zeros => default;

    public static BlockStamp Of(ulong origin, byte* block) => new(origin + (nuint)block * PerByte, PerByte);

    /// <summary>The origin that a word at an address would tell, if it is of a stamp.</summary>
    public static ulong OriginAt(byte* address, ulong word) => word - (nuint)address * PerByte;

    /// <summary>Writes it into a block.</summary>
    public void Write(byte* block, nuint size)
    {
        if (size <= WholeMax)
        {
            Write(block, 0, size);
            return;
        }
        Write(block, 0, Edge);
        nuint tail = TailOf(size);
        for (nuint at = Edge; at < tail; at += Stride)
            *(ulong*)(block + at) = At(at);
        Write(block, tail, size);
    }

    /// <summary>Where a block does not hold it: the first byte of the first word that is not as written; or the limit.</summary>
    /// <param name="block">The block, wherever it is now.</param>
    /// <param name="size">Its size when it was written.</param>
    /// <param name="limit">Bytes to look at, at most that size.</param>
    public nuint FirstWrong(byte* block, nuint size, nuint limit)
    {
        if (size <= WholeMax)
            return FirstWrongWord(block, 0, limit, limit);
        nuint tail = TailOf(size), wrong = FirstWrongWord(block, 0, Math.Min(Edge, limit), limit);
        if (wrong != limit)
            return wrong;
        for (nuint at = Edge; at < tail && at + Word <= limit; at += Stride)
            if (*(ulong*)(block + at) != At(at))
                return at;
        return tail < limit ? FirstWrongWord(block, tail, limit, limit) : limit;
    }

    /// <summary>The last words, whole ones as counted from the start.</summary>
    private static nuint TailOf(nuint size) => (size - Edge) & ~(nuint)(Word - 1);

    private ulong At(nuint offset) => start + offset * step;

    private void Write(byte* block, nuint from, nuint to)
    {
        nuint at = from;
        for (; at + Word <= to; at += Word)
            *(ulong*)(block + at) = At(at);
        ulong last = At(at);
        for (; at < to; at++, last >>= 8)
            block[at] = (byte)last;
    }

    private nuint FirstWrongWord(byte* block, nuint from, nuint to, nuint limit)
    {
        nuint at = from;
        for (; at + Word <= to; at += Word)
            if (*(ulong*)(block + at) != At(at))
                return at;
        ulong last = At(at);
        for (nuint b = at; b < to; b++, last >>= 8)
            if (block[b] != (byte)last)
                return at;
        return limit;
    }
}
