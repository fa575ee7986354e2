using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace AllocReplay.Recorder.Arena;

/// <summary>struct ar_round</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ArenaRound
{
    public ulong MonoNs;
    public ulong Bytes;
}

/// <summary>
/// struct ar_rounds: how much had been recorded at two moments, the latest second or so apart. The drain writes them; who reads them from outside takes
/// two readings that agree.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ArenaRounds
{
    public uint Number;
    public uint Reserved;
    public Pair Both;

    /// <summary>Adds one in the place of the older.</summary>
    public void Add(ulong monoNs, ulong bytes)
    {
        uint next = Number + 1;
        Both[(int)(next & 1)] = new ArenaRound { MonoNs = monoNs, Bytes = bytes };
        Volatile.Write(ref Number, next);
    }

    /// <summary>Both at once: of somebody else nothing is told, before there is a second.</summary>
    public void Begin(ulong monoNs, ulong bytes)
    {
        Add(monoNs, bytes);
        Add(monoNs, bytes);
    }

    /// <summary>The later of the two.</summary>
    public readonly ArenaRound Latest => Both[(int)(Number & 1)];

    /// <summary>Bytes a second between the two; null where they tell none: anybody may have written them.</summary>
    public readonly double? BytesPerSecond
    {
        get
        {
            (ArenaRound before, ArenaRound latest) = (Both[(int)(Number + 1 & 1)], Latest);
            return latest.MonoNs > before.MonoNs && latest.Bytes >= before.Bytes && before.MonoNs != 0
                ? (latest.Bytes - before.Bytes) * 1e9 / (latest.MonoNs - before.MonoNs)
                : null;
        }
    }

    [InlineArray(2)]
    public struct Pair
    {
        private ArenaRound _first;
    }
}
