using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using AllocReplay.Formats.Packed;
using K4os.Compression.LZ4;

namespace AllocReplay.Fuzz;

/// <summary>
/// Mutates packed traces, frame by frame. Checksums and index are made anew nearly always: otherwise no input would get past them to
/// the decoders behind.
/// </summary>
internal sealed class PackMutator(IReadOnlyList<FuzzInput> seeds, Rng random)
{
    private static readonly int HeadSize = Unsafe.SizeOf<FrameHeader>();

    private readonly List<Frame> _frames = [];
    private readonly Stack<Frame> _unused = [];

    /// <summary>Fills an input with a mutated seed.</summary>
    public void Fill(FuzzInput input)
    {
        Bytes pack = input.Files[0];
        FuzzInput seed = seeds[random.Below(seeds.Count)];
        pack.Set(seed.Files[0].Span);
        if (random.OneIn(16))
        {
            Raw(pack);
            return;
        }
        Split(pack.Span);
        for (int n = 1 + random.Below(3); n > 0; n--)
            Mutate();
        Join(pack, pack.Span[..Unsafe.SizeOf<FileHeader>()]);
        if (random.OneIn(64))
            Raw(pack);
    }

    private void Raw(Bytes pack)
    {
        for (int n = 1 + random.Below(3); n > 0; n--)
            Mutator.Blind(pack, 0, pack.Length, random);
        if (random.OneIn(3))
            pack.Cut(random.Below(pack.Length));
        else if (random.OneIn(4))
            Mutator.Resize(pack, 0, pack.Length, random);
    }

    private void Mutate()
    {
        if (_frames.Count == 0)
            return;
        int at = random.Below(_frames.Count);
        Frame frame = _frames[at];
        switch (random.Below(16))
        {
            case 0:
                _frames.RemoveAt(at);
                _unused.Push(frame);
                break;
            case 1:
                _frames.Insert(random.Below(_frames.Count + 1), Copy(frame));
                break;
            case 2:
                int other = random.Below(_frames.Count);
                (_frames[at], _frames[other]) = (_frames[other], _frames[at]);
                break;
            case 3:
                Splice();
                break;
            case 4 or 5:
                Mutator.Blind(frame.Header, sizeof(uint), HeadSize - sizeof(ulong), random); // what remains is made anew
                break;
            case 6:
                Mutator.Resize(frame.Payload, 0, frame.Payload.Length, random);
                break;
            default:
                if (frame.Kind == FrameKind.Events)
                    MutateColumn(frame.Payload);
                else
                    MutateMetadata(frame);
                break;
        }
    }

    /// <summary>A column's header is 12 bytes: id, encoding, shift, 0, two lengths.</summary>
    private void MutateColumn(Bytes block)
    {
        int at = 0;
        // Where a column begins, counted from the block's beginning.
        for (int skip = random.Below(9); skip > 0; skip--)
        {
            int next = at + IntegerColumn.HeaderSize + Stored(block, at);
            if (next + IntegerColumn.HeaderSize > block.Length)
                break;
            at = next;
        }
        int end = Math.Min(block.Length, at + IntegerColumn.HeaderSize + Stored(block, at)), values = at + IntegerColumn.HeaderSize;
        switch (random.Below(6))
        {
            case 0:
                Mutator.Blind(block, at, values, random);
                break;
            case 1 when end > values:
                int grown = Mutator.Resize(block, values, end, random);
                // So that the bytes after it are still where they are looked for.
                Add(block, at + 4, grown);
                Add(block, at + 8, grown);
                break;
            case 2 when end <= block.Length:
                Span<byte> extra = stackalloc byte[IntegerColumn.HeaderSize];
                extra.Clear();
                extra[0] = (byte)(random.OneIn(2) ? 9 + random.Below(247) : random.Below(9));
                block.Insert(random.OneIn(2) ? at : end, extra);
                break;
            default:
                Mutator.Blind(block, values, end, random);
                break;
        }
    }

    private static int Stored(Bytes block, int column) => column + IntegerColumn.HeaderSize > block.Length
        ? 0
        : (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(block.Span[(column + 8)..]), 1u << 20);

    private static void Add(Bytes block, int at, int value) =>
        BinaryPrimitives.WriteInt32LittleEndian(block.Span[at..], BinaryPrimitives.ReadInt32LittleEndian(block.Span[at..]) + value);

    /// <summary>Metadata is mutated decompressed, and stored so, mostly.</summary>
    private void MutateMetadata(Frame frame)
    {
        ref FrameHeader header = ref frame.Head;
        if (header.Count != frame.Payload.Length && header.Count < 1 << 16 && !random.OneIn(8))
        {
            var plain = new byte[header.Count];
            if (LZ4Codec.Decode(frame.Payload.Span, plain) == plain.Length)
                frame.Payload.Set(plain);
        }
        if (random.OneIn(4))
            Mutator.Resize(frame.Payload, 0, frame.Payload.Length, random);
        else
            Mutator.Blind(frame.Payload, 0, frame.Payload.Length, random);
        frame.Head.Count = (uint)frame.Payload.Length;
    }

    /// <summary>Brings frames of another seed in.</summary>
    private void Splice()
    {
        ReadOnlySpan<byte> other = seeds[random.Below(seeds.Count)].Files[0].Span;
        int kept = _frames.Count;
        Split(other, append: true);
        int from = kept + random.Below(_frames.Count - kept + 1);
        for (int i = _frames.Count - 1; i >= kept; i--)
        {
            if (i >= from && i < from + 2)
                continue;
            _unused.Push(_frames[i]);
            _frames.RemoveAt(i);
        }
    }

    private void Split(ReadOnlySpan<byte> pack, bool append = false)
    {
        if (!append)
        {
            foreach (Frame frame in _frames)
                _unused.Push(frame);
            _frames.Clear();
        }
        for (int at = Unsafe.SizeOf<FileHeader>(); at + HeadSize <= pack.Length;)
        {
            var header = MemoryMarshal.Read<FrameHeader>(pack[at..]);
            if (header.Magic != PackedWire.FrameMagic || header.Kind == FrameKind.Index || header.Length > pack.Length - at - HeadSize)
                return;
            Frame frame = New();
            frame.Header.Set(pack.Slice(at, HeadSize));
            frame.Payload.Set(pack.Slice(at + HeadSize, (int)header.Length));
            _frames.Add(frame);
            at += HeadSize + (int)header.Length;
        }
    }

    private void Join(Bytes pack, ReadOnlySpan<byte> fileHeader)
    {
        byte[] entries = System.Buffers.ArrayPool<byte>.Shared.Rent((_frames.Count + 1) * IndexEntry.Size);
        int count = 0;
        pack.Cut(fileHeader.Length);
        foreach (Frame frame in _frames)
        {
            var entry = new IndexEntry { Offset = (ulong)pack.Length, Header = Seal(frame) };
            MemoryMarshal.Write(entries.AsSpan(count++ * IndexEntry.Size), entry);
            pack.Append(frame.Header.Span);
            pack.Append(frame.Payload.Span);
        }
        ulong offset = (ulong)pack.Length;
        Frame index = New();
        index.Header.Set(new byte[HeadSize]);
        index.Head.Kind = FrameKind.Index;
        index.Head.Count = (uint)count;
        index.Payload.Set(entries.AsSpan(0, count * IndexEntry.Size));
        Seal(index);
        pack.Append(index.Header.Span);
        pack.Append(index.Payload.Span);
        var trailer = new FileTrailer { IndexOffset = offset, Check = ~offset, Magic = PackedWire.TrailerMagic };
        pack.Append(MemoryMarshal.AsBytes(new ReadOnlySpan<FileTrailer>(in trailer)));
        _unused.Push(index);
        System.Buffers.ArrayPool<byte>.Shared.Return(entries);
    }

    private static FrameHeader Seal(Frame frame)
    {
        ref FrameHeader header = ref frame.Head;
        header.Magic = PackedWire.FrameMagic;
        header.Length = (uint)frame.Payload.Length;
        header.Checksum = header.Sum(frame.Payload.Span);
        return header;
    }

    private Frame New() => _unused.TryPop(out Frame? frame) ? frame : new Frame();

    private Frame Copy(Frame frame)
    {
        Frame copy = New();
        copy.Header.Set(frame.Header.Span);
        copy.Payload.Set(frame.Payload.Span);
        return copy;
    }

    private sealed class Frame
    {
        public Bytes Header { get; } = new();

        public Bytes Payload { get; } = new();

        public ref FrameHeader Head => ref MemoryMarshal.AsRef<FrameHeader>(Header.Span);

        public FrameKind Kind => Head.Kind;
    }
}
