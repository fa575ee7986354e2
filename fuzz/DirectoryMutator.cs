using System.Buffers.Binary;
using System.Runtime.InteropServices;
using AllocReplay.Formats.Recording;

namespace AllocReplay.Fuzz;

/// <summary>Mutates recording directories: the header, chunks and their payloads, slots of tails, marks.</summary>
internal sealed class DirectoryMutator(IReadOnlyList<FuzzInput> seeds, Rng random)
{
    private const int Process = 0, Events = 1, Tails = 2, Marks = 3;
    private const int HeaderSize = 64, LengthOffset = 12, ProcessFields = 152;

    private readonly List<int> _starts = [];
    private readonly Bytes _held = new();

    /// <summary>Fills an input with a mutated seed.</summary>
    public void Fill(FuzzInput input)
    {
        FuzzInput seed = seeds[random.Below(seeds.Count)];
        for (int i = 0; i < input.Files.Length; i++)
            input.Files[i].Set(seed.Files[i].Span);
        for (int n = 1 + random.Below(3); n > 0; n--)
            Mutate(input);
    }

    private void Mutate(FuzzInput input)
    {
        switch (random.Below(16))
        {
            case 0:
                Mutator.Blind(input.Files[Process], 0, ProcessFields, random);
                break;
            case 1:
                Bytes any = input.Files[random.Below(input.Files.Length)];
                if (random.OneIn(2))
                    any.Cut(random.Below(any.Length + 1));
                else
                    Mutator.Resize(any, 0, any.Length, random);
                break;
            case 2:
                Bytes other = input.Files[Marks + random.Below(input.Files.Length - Marks)];
                Mutator.Blind(other, 0, other.Length, random);
                break;
            case < 6:
                MutateChunks(input.Files[Events], input);
                break;
            case < 11:
                MutateChunk(input.Files[Events], isTail: false);
                break;
            default:
                MutateChunk(input.Files[Tails], isTail: true);
                break;
        }
    }

    /// <summary>Duplicates, deletes, reorders, cuts chunks of <c>events</c>, or brings them from a tail or another seed.</summary>
    private void MutateChunks(Bytes events, FuzzInput input)
    {
        Find(events, isTail: false);
        int at = _starts.Count == 0 ? 0 : random.Below(_starts.Count), start = _starts.Count == 0 ? 0 : _starts[at];
        int length = _starts.Count == 0 ? 0 : (at + 1 < _starts.Count ? _starts[at + 1] : events.Length) - start;
        int to = _starts.Count == 0 ? 0 : _starts[random.Below(_starts.Count)];
        switch (random.Below(6))
        {
            case 0:
                events.Remove(start, length);
                break;
            case 1:
                events.Insert(to, events.Span.Slice(start, length));
                break;
            case 2 when length > 0: // cut short in the middle, as a kill leaves it
                int keep = random.Below(length);
                events.Remove(start + keep, length - keep);
                break;
            case 3:
                Bytes other = seeds[random.Below(seeds.Count)].Files[Events];
                events.Insert(to, other.Span[..Math.Min(other.Length, 1024)]);
                break;
            default: // as a flush that did not end
                Bytes tails = input.Files[Tails];
                Find(tails, isTail: true);
                if (_starts.Count == 0)
                    break;
                int tail = _starts[random.Below(_starts.Count)];
                int whole = HeaderSize + (int)Math.Min(Length(tails, tail), (uint)(tails.Length - tail - HeaderSize));
                _held.Set(tails.Span.Slice(tail, random.OneIn(3) ? whole : random.Below(whole + 1)));
                for (int n = random.OneIn(4) ? 5 : 1; n > 0; n--)
                    events.Insert(to, _held.Span);
                break;
        }
    }

    private void MutateChunk(Bytes file, bool isTail)
    {
        Find(file, isTail);
        if (_starts.Count == 0)
            return;
        int at = _starts[random.Below(_starts.Count)], payload = at + HeaderSize;
        int end = (int)Math.Min(file.Length, payload + (long)Length(file, at));
        switch (random.Below(5))
        {
            case 0:
                Mutator.Blind(file, at, payload, random);
                break;
            case 1 when end > payload:
                int grown = Mutator.Resize(file, payload, end, random);
                BinaryPrimitives.WriteUInt32LittleEndian(file.Span[(at + LengthOffset)..], (uint)(end - payload + grown));
                // Slots lie at multiples of 4096.
                if (isTail && grown > 0)
                    file.Remove(end + grown, Math.Min(grown, file.Length - end - grown));
                else if (isTail)
                    file.Insert(end + grown, new byte[-grown]);
                break;
            default:
                Mutator.Blind(file, payload, end, random);
                break;
        }
    }

    private static uint Length(Bytes file, int chunk) => BinaryPrimitives.ReadUInt32LittleEndian(file.Span[(chunk + LengthOffset)..]);

    /// <summary>Where chunks begin, as far as they follow each other.</summary>
    private void Find(Bytes file, bool isTail)
    {
        _starts.Clear();
        for (long at = 0; at + HeaderSize <= file.Length;)
        {
            var header = MemoryMarshal.Read<ChunkHeader>(file.Span[(int)at..]);
            if (header.Magic == Wire.ChunkMagic)
                _starts.Add((int)at);
            else if (!isTail)
                return;
            at += isTail ? Math.Max(Wire.TailAlignment, header.Capacity / Wire.TailAlignment * (long)Wire.TailAlignment) : HeaderSize + (long)header.Length;
        }
    }
}
