using System.Globalization;
using System.Runtime.InteropServices;
using AllocReplay.Formats.Recording;
using AllocReplay.Formats.Stacks;

namespace AllocReplay.Tests.Support;

/// <summary>Tables of frames, made by hand: each frame is a stack of its own.</summary>
internal static class CodeFrames
{
    /// <summary>Frames in one module that is mapped at <see cref="From"/>.</summary>
    /// <param name="path">The module.</param>
    /// <param name="buildId">Its build id.</param>
    /// <param name="offsets">Of the calls.</param>
    public static FrameTable In(string path, string buildId, params ulong[] offsets) => FrameTable.Of(
        Records([.. offsets.Select(o => From + o + 1)]), string.Create(CultureInfo.InvariantCulture, $"{From:x}-{From + Length:x} 0 {buildId} {path}\n"));

    /// <summary>Frames in no module.</summary>
    public static FrameTable InNone(params ulong[] callAddresses) => FrameTable.Of(Records([.. callAddresses.Select(a => a + 1)]), "");

    public const ulong From = 0x10000000, Length = 0x40000000;

    private static byte[] Records(ulong[] returnAddresses)
    {
        FrameRecord[] records = [default, default, .. returnAddresses.Select(ip => new FrameRecord { Ip = ip, Caller = 0, Flags = FrameRecord.Present })];
        return MemoryMarshal.AsBytes(records.AsSpan()).ToArray();
    }
}
