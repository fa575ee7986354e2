using System.Text;

namespace AllocReplay.Recorder.Attach;

/// <summary>An address range of code.</summary>
internal readonly record struct CodeRange(ulong Start, ulong End, string Name)
{
    public bool Has(ulong address) => address - Start < End - Start;
}

/// <summary>
/// An ELF object in a process's memory, and the functions that it defines for others: as the loader there has it, whatever became of its file, and in
/// whichever namespace that lies.
/// </summary>
internal sealed class LoadedObject
{
    private const int Dynamic = 2, Load = 1; // PT_*
    private const int StringTable = 5, SymbolTable = 6, GnuHash = 0x6ffffef5; // DT_*
    private const uint ChainMax = 1 << 16, SegmentsMax = 128, DynamicMax = 512;

    private readonly ProcessMemory _memory;
    private readonly ulong _bias, _symbols, _names, _hashes;

    private LoadedObject(ProcessMemory memory, Mapping first, ulong bias, ulong symbols, ulong names, ulong hashes)
    {
        (_memory, _bias, _symbols, _names, _hashes) = (memory, bias, symbols, names, hashes);
        (Start, Name) = (first.Start, first.Name);
    }

    /// <summary>Where its file is mapped from its beginning.</summary>
    public ulong Start { get; }

    /// <summary>Its file.</summary>
    public string Name { get; }

    /// <summary>The object that is mapped from an address on; null where there is none.</summary>
    public static LoadedObject? At(ProcessMemory memory, Mapping first)
    {
        if (memory.At<ulong>(first.Start) is var magic && (magic & 0xffffffffff) != 0x02464c457f) // 64 bits
            return null;
        ulong segments = first.Start + memory.At<ulong>(first.Start + 32);
        uint count = Math.Min(memory.At<ushort>(first.Start + 56), SegmentsMax);
        ulong lowest = ulong.MaxValue, dynamic = 0;
        for (uint i = 0; i < count; i++)
        {
            ulong segment = segments + i * 56ul, address = memory.At<ulong>(segment + 16);
            uint type = memory.At<uint>(segment);
            if (type == Load)
                lowest = Math.Min(lowest, address & ~4095ul);
            else if (type == Dynamic)
                dynamic = address;
        }
        if (dynamic == 0 || lowest == ulong.MaxValue)
            return null;
        ulong bias = first.Start - lowest, symbols = 0, names = 0, hashes = 0;
        for (ulong at = bias + dynamic, end = at + DynamicMax * 16; at < end && memory.At<long>(at) is var tag and not 0; at += 16)
        {
            ulong value = memory.At<ulong>(at + 8), address = value < bias ? value + bias : value;
            if (tag == StringTable)
                names = address;
            else if (tag == SymbolTable)
                symbols = address;
            else if (tag == GnuHash)
                hashes = address;
        }
        return symbols == 0 || names == 0 || hashes == 0 ? null : new LoadedObject(memory, first, bias, symbols, names, hashes);
    }

    /// <summary>What it defines under a name: where, and how large; null where it does not.</summary>
    public CodeRange? Find(string name)
    {
        byte[] text = Encoding.ASCII.GetBytes(name);
        uint hash = 5381;
        foreach (byte c in text)
            hash = hash * 33 + c;
        uint buckets = _memory.At<uint>(_hashes), first = _memory.At<uint>(_hashes + 4), words = _memory.At<uint>(_hashes + 8);
        if (buckets == 0)
            return null;
        ulong bucket = _hashes + 16 + words * 8ul, chain = bucket + buckets * 4ul;
        uint i = _memory.At<uint>(bucket + hash % buckets * 4ul);
        for (uint steps = 0; i >= first && steps < ChainMax; i++, steps++)
        {
            uint link = _memory.At<uint>(chain + (i - first) * 4ul);
            ulong symbol = _symbols + i * 24ul;
            if ((link | 1) == (hash | 1) && _memory.At<ushort>(symbol + 6) != 0 && _memory.IsText(_names + _memory.At<uint>(symbol), text))
            {
                ulong address = _bias + _memory.At<ulong>(symbol + 8);
                return new CodeRange(address, address + Math.Max(1, _memory.At<ulong>(symbol + 16)), name);
            }
            if ((link & 1) != 0)
                break;
        }
        return null;
    }
}
