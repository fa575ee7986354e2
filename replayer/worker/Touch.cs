using System.Runtime.CompilerServices;

namespace AllocReplay.Worker;

/// <summary>A touch policy as a type, so that the replay loop is compiled once for each and pays for none of the others.</summary>
internal unsafe interface ITouch
{
    /// <summary>Writes into a new block that is not null.</summary>
    static abstract void Block(byte* block, nuint size);
}

internal readonly unsafe struct TouchNone : ITouch
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Block(byte* block, nuint size)
    {
    }
}

internal readonly unsafe struct TouchFirst : ITouch
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Block(byte* block, nuint size)
    {
        if (size != 0)
            *block = 1;
    }
}

internal readonly unsafe struct TouchPage : ITouch
{
    private const nuint PageSize = Libc.PageSize;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Block(byte* block, nuint size)
    {
        if (size == 0)
            return;
        *block = 1;
        nuint next = ((nuint)block | (PageSize - 1)) + 1;
        if (next - (nuint)block < size)
            Rest((byte*)next, block + size);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Rest(byte* page, byte* end)
    {
        for (; page < end; page += PageSize)
            *page = 1;
    }
}

internal readonly unsafe struct TouchFull : ITouch
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Block(byte* block, nuint size)
    {
        for (; size > uint.MaxValue; block += uint.MaxValue, size -= uint.MaxValue)
            Unsafe.InitBlockUnaligned(block, 1, uint.MaxValue);
        Unsafe.InitBlockUnaligned(block, 1, (uint)size);
    }
}
