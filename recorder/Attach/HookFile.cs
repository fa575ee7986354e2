using System.Runtime.InteropServices;
using System.Text;

namespace AllocReplay.Recorder.Attach;

/// <summary>Our own library's file: where in it an exported object lies.</summary>
internal static class HookFile
{
    private const uint DynamicSymbols = 11; // SHT_DYNSYM

    /// <returns>Null where there is none.</returns>
    public static int? OffsetOf(ReadOnlySpan<byte> file, string name)
    {
        byte[] text = [.. Encoding.ASCII.GetBytes(name), 0];
        ulong sections = At<ulong>(file, 40);
        int count = At<ushort>(file, 60);
        for (int i = 0; i < count; i++)
        {
            ulong section = sections + (ulong)i * 64;
            if (At<uint>(file, section + 4) != DynamicSymbols)
                continue;
            ulong table = At<ulong>(file, section + 24), size = At<ulong>(file, section + 32);
            ulong names = At<ulong>(file, sections + At<uint>(file, section + 40) * 64ul + 24);
            for (ulong symbol = table; symbol < table + size; symbol += 24)
                if (file[(int)(names + At<uint>(file, symbol))..].StartsWith(text))
                    return OffsetOf(file, At<ulong>(file, symbol + 8));
        }
        return null;
    }

    private static int? OffsetOf(ReadOnlySpan<byte> file, ulong address)
    {
        const uint load = 1; // PT_LOAD
        ulong segments = At<ulong>(file, 32);
        for (int i = 0; i < At<ushort>(file, 56); i++)
        {
            ulong segment = segments + (ulong)i * 56;
            ulong from = At<ulong>(file, segment + 16);
            if (At<uint>(file, segment) == load && address - from < At<ulong>(file, segment + 32))
                return (int)(address - from + At<ulong>(file, segment + 8));
        }
        return null;
    }

    private static T At<T>(ReadOnlySpan<byte> file, ulong offset)
        where T : unmanaged => MemoryMarshal.Read<T>(file[(int)offset..]);
}
