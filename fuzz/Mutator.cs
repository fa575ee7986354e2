using System.Buffers.Binary;

namespace AllocReplay.Fuzz;

/// <summary>Changes that know nothing of the format.</summary>
internal static class Mutator
{
    /// <summary>Changes bytes between two offsets.</summary>
    public static void Blind(Bytes bytes, int from, int to, Rng random)
    {
        to = Math.Min(to, bytes.Length);
        if (from >= to)
            return;
        int at = from + random.Below(to - from);
        switch (random.Below(8))
        {
            case 0:
                bytes.Span[at] ^= (byte)(1 << random.Below(8));
                break;
            case 1:
                bytes.Span[at] = (byte)random.Next();
                break;
            case 2:
                bytes.Span[at] = (byte)random.Replace(bytes.Span[at]);
                break;
            default:
                Overwrite(bytes, from, to, at, random);
                break;
        }
    }

    /// <summary>Overwrites an integer of 1 to 8 bytes, at a multiple of its size.</summary>
    private static void Overwrite(Bytes bytes, int from, int to, int at, Rng random)
    {
        int size = 1 << random.Below(4);
        at = from + (at - from) / size * size;
        if (at + size > to)
            return;
        Span<byte> value = stackalloc byte[sizeof(ulong)];
        value.Clear();
        Span<byte> place = bytes.Span.Slice(at, size);
        place.CopyTo(value);
        BinaryPrimitives.WriteUInt64LittleEndian(value, random.Replace(BinaryPrimitives.ReadUInt64LittleEndian(value)));
        value[..size].CopyTo(place);
    }

    /// <summary>Inserts, removes or repeats a few bytes. Returns by how many it grew.</summary>
    public static int Resize(Bytes bytes, int from, int to, Rng random)
    {
        int before = bytes.Length;
        if (from >= to)
            return 0;
        int at = from + random.Below(to - from), count = Math.Min(1 + random.Below(random.OneIn(4) ? 40 : 4), to - at);
        switch (random.Below(3))
        {
            case 0:
                bytes.Remove(at, count);
                break;
            case 1:
                bytes.Insert(at, bytes.Span.Slice(at, count));
                break;
            default:
                Span<byte> fresh = stackalloc byte[count];
                byte value = (byte)random.Replace(0);
                fresh.Fill(value);
                bytes.Insert(at, fresh);
                break;
        }
        return bytes.Length - before;
    }
}
