namespace AllocReplay.Formats.Packed;

/// <summary>
/// The columns of a block: up to 65,536 events of one thread and interval. A block is decoded without any other.
/// <list type="bullet">
/// <item><c>kind</c>: event kind, + 0x80 where the address is null and absent</item>
/// <item><c>time</c>: shifted counter, delta to the event before; the first is 0</item>
/// <item><c>back</c>: for events with an address, how many such events ago the same address was last seen in the block; 0: not in the block</item>
/// <item><c>address</c>: those that were not seen before; zigzag delta to the address before</item>
/// <item><c>size count alignment thread duration stack</c>: for the kinds that have them, as in a recording directory</item>
/// </list>
/// A program frees what it took not long ago and is given again what it freed: so most addresses are small numbers in <c>back</c>.
/// </summary>
internal static class EventColumn
{
    public const int Kind = 0, Time = 1, Back = 2, Address = 3, Size = 4, Count = 5, Alignment = 6, OtherThread = 7, Duration = 8, Stack = 9;

    /// <summary>How many there are.</summary>
    public const int All = 10;

    /// <summary>In the column of kinds: the address is null and absent.</summary>
    public const int NullAddress = 0x80;
}
