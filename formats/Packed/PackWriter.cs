using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Stacks;

namespace AllocReplay.Formats.Packed;

/// <summary>
/// Writes a packed trace, block by block. The file has its name only once <see cref="Complete"/> has returned: until then it is
/// a temporary one beside it, which disposal removes. One that is written over a long time has its name from the beginning
/// (<see cref="Begin"/>), and can be gone on with (<see cref="Continue"/>).
/// </summary>
internal sealed class PackWriter : IDisposable
{
    private readonly string? _path;
    private readonly bool _replace;
    private string? _temporary;
    private Stream _file;
    private readonly List<IndexEntry> _index = [];
    private readonly Queue<Task<EncodedBlock>> _encoding = [];
    private readonly Stack<EventBlockWriter> _unused = [];
    private uint _images;
    private bool _complete;

    /// <param name="path">The file's final name.</param>
    /// <param name="replace">Whether a file of that name is replaced.</param>
    /// <exception cref="TraceNotWritableException">It cannot be created.</exception>
    public PackWriter(string path, bool replace = true)
    {
        (_path, _replace) = (path, replace);
        if (TraceNotWritableException.Foresee(path, replace) is { } obstacle)
            throw obstacle;
        (_file, _temporary) = CreateTemporary("tmp");
        WriteFileHeader();
    }

    /// <summary>Writes to a stream, which is left open.</summary>
    public PackWriter(Stream file)
    {
        _file = file;
        WriteFileHeader();
    }

    private PackWriter(string path, FileStream file) => (_path, _file) = (path, file);

    /// <summary>
    /// Begins a file that has its name at once, and stays when this is disposed of before it is complete. It is locked against another writer.
    /// </summary>
    /// <exception cref="TraceNotWritableException">It cannot be created.</exception>
    public static PackWriter Begin(string path, bool replace)
    {
        if (TraceNotWritableException.Foresee(path, replace) is { } obstacle)
            throw obstacle;
        try
        {
            if (replace)
                File.Delete(path);
            var writer = new PackWriter(path, PrivateFile.Create(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None));
            writer.WriteFileHeader();
            return writer;
        }
        catch (Exception e) when (TraceNotWritableException.Covers(e))
        {
            throw TraceNotWritableException.Of(path, e);
        }
    }

    /// <summary>Opens a file to go on with it, and locks it against another writer: what is in it, and beside it, may be looked at then.</summary>
    /// <exception cref="TraceNotWritableException">It cannot be written, or somebody writes it.</exception>
    public static FileStream Lock(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, 1 << 16);
        }
        catch (Exception e) when (TraceNotWritableException.Covers(e))
        {
            throw TraceNotWritableException.Of(path, e);
        }
    }

    /// <summary>Goes on with a file behind some frame of it: what follows, an index too, goes.</summary>
    /// <param name="path">The file.</param>
    /// <param name="file">The same, from <see cref="Lock"/>: the writer's from here on.</param>
    /// <param name="frames">The frames that stay, all from the first on.</param>
    /// <exception cref="TraceNotWritableException">It cannot be written.</exception>
    public static PackWriter Continue(string path, FileStream file, IReadOnlyList<(long Offset, FrameHeader Header)> frames)
    {
        try
        {
            var writer = new PackWriter(path, file);
            foreach ((long offset, FrameHeader header) in frames)
                writer._index.Add(new IndexEntry { Offset = (ulong)offset, Header = header });
            writer._images = (uint)frames.Count(f => f.Header.Kind == FrameKind.Image);
            file.SetLength(frames.Count > 0 ? EndOf(frames[^1]) : Unsafe.SizeOf<FileHeader>());
            file.Seek(0, SeekOrigin.End);
            return writer;
        }
        catch (Exception e) when (TraceNotWritableException.Covers(e))
        {
            throw TraceNotWritableException.Of(path, e);
        }
    }

    /// <summary>Where a frame ends.</summary>
    public static long EndOf((long Offset, FrameHeader Header) frame) => frame.Offset + Unsafe.SizeOf<FrameHeader>() + frame.Header.Length;

    /// <summary>Blocks that are encoded at a time, on threads of the pool; 0: each by who writes it.</summary>
    public int Encoders { get; set; } = Math.Max(1, Environment.ProcessorCount);

    /// <summary>Bytes that were written.</summary>
    public long Length => _file.Position;

    public void WriteSession(SessionInfo session)
    {
        byte[] payload = Metadata.Encode(session, out uint length);
        WriteFrame(new FrameHeader { Kind = FrameKind.Session, Count = length }, payload);
    }

    /// <summary>Begins an image. Its events follow.</summary>
    /// <returns>Its number in the file.</returns>
    public uint WriteImage(ImageMetadata metadata)
    {
        byte[] payload = Metadata.Encode(metadata, out uint length);
        WriteFrame(new FrameHeader { Kind = FrameKind.Image, Image = _images, Count = length }, payload);
        return _images++;
    }

    /// <summary>
    /// Puts the one image of the file before its blocks, which were written already, as image 0: an import knows the threads only at
    /// the end. The blocks are copied once, in order of their first events, so that what a cut-off pack still has is its beginning.
    /// </summary>
    /// <remarks>For a writer to a path.</remarks>
    /// <exception cref="TraceNotWritableException">The disk is full.</exception>
    public void WriteImageBefore(ImageMetadata metadata)
    {
        WriteBlocks();
        // A stable sort: the blocks of one thread stay in their order.
        IndexEntry[] blocks = [.. _index.OrderBy(b => b.Header.FirstTicks)];
        (Stream blocksFile, string blocksPath) = (_file, _temporary!);
        try
        {
            (_file, _temporary) = CreateTemporary("2.tmp");
            WriteFileHeader();
            _index.Clear();
            WriteImage(metadata);
            byte[] frame = [];
            foreach (IndexEntry block in blocks)
            {
                int length = Unsafe.SizeOf<FrameHeader>() + (int)block.Header.Length;
                if (frame.Length < length)
                    frame = new byte[length];
                Writing(() =>
                {
                    blocksFile.Position = (long)block.Offset; // which writes what was buffered
                    blocksFile.ReadExactly(frame, 0, length);
                });
                _index.Add(block with { Offset = (ulong)_file.Position });
                Write(frame.AsSpan(0, length));
            }
        }
        finally
        {
            Remove(blocksFile, blocksPath);
        }
    }

    /// <summary>Adds what has become known of an image.</summary>
    public void WriteImageUpdate(uint image, ImageUpdate update)
    {
        byte[] payload = Metadata.Encode(update, out uint length);
        WriteFrame(new FrameHeader { Kind = FrameKind.ImageUpdate, Image = image, Count = length }, payload);
    }

    /// <summary>Writes the stacks of an image.</summary>
    /// <param name="image">Its number.</param>
    /// <param name="frames">All its stacks.</param>
    /// <param name="first">Number of the first frame that was not written before.</param>
    public void WriteStacks(uint image, FrameTable frames, int first = 0)
    {
        WriteBlocks();
        var stacks = new ImageStacks { First = first, Frames = frames.Bytes[(first * FrameTable.RecordSize)..].ToArray(), Modules = frames.ModulesText };
        byte[] payload = Metadata.Encode(stacks, out uint length);
        WriteFrame(new FrameHeader { Kind = FrameKind.Stacks, Image = image, Count = length }, payload);
    }

    /// <summary>Writes how much memory an image's process had; nothing where that was not looked at. Of two, the later holds.</summary>
    public void WriteMemory(uint image, IReadOnlyList<MemorySample> samples)
    {
        if (samples.Count == 0)
            return;
        WriteBlocks();
        byte[] payload = Metadata.Encode(new ImageMemory { Samples = MemoryEntries.Encode(samples) }, out uint length);
        WriteFrame(new FrameHeader { Kind = FrameKind.Memory, Image = image, Count = length }, payload);
    }

    /// <summary>Writes the symbols of an image's stacks.</summary>
    public void WriteSymbols(uint image, SymbolTable symbols)
    {
        WriteBlocks();
        byte[] payload = Metadata.Encode(SymbolMap.Of(symbols), out uint length);
        WriteFrame(new FrameHeader { Kind = FrameKind.Symbols, Image = image, Count = length }, payload);
    }

    /// <summary>Copies a whole pack, with other symbols for some of its images.</summary>
    /// <exception cref="TraceFormatException">It is not what its index says.</exception>
    public void Copy(PackFile pack, IReadOnlyDictionary<string, SymbolTable> symbols)
    {
        bool IsReplaced(in FrameHeader header) => header.Kind == FrameKind.Symbols && symbols.ContainsKey(pack.Images[(int)header.Image].Name);
        byte[] payload = [];
        foreach ((long offset, FrameHeader header) in pack.Frames)
        {
            if (header.Kind == FrameKind.Index || IsReplaced(header))
                continue;
            int length = pack.ReadPayload(offset, header, ref payload);
            WriteFrame(header, payload.AsSpan(0, length));
        }
        for (int i = 0; i < pack.Images.Count; i++)
            if (symbols.TryGetValue(pack.Images[i].Name, out SymbolTable? table))
                WriteSymbols((uint)i, table);
    }

    /// <summary>Ends an image.</summary>
    public void WriteImageEnd(uint image, ImageEnd end)
    {
        WriteBlocks();
        byte[] payload = Metadata.Encode(end, out uint length);
        WriteFrame(new FrameHeader { Kind = FrameKind.ImageEnd, Image = image, Count = length }, payload);
    }

    /// <summary>An empty block, perhaps one that was used before.</summary>
    public EventBlockWriter NewBlock(CallFields optional)
    {
        EventBlockWriter? block;
        lock (_unused)
            block = _unused.TryPop(out EventBlockWriter? used) ? used : new EventBlockWriter();
        block.Clear(optional);
        return block;
    }

    /// <summary>Writes a block; it is the writer's from here on. Blocks are encoded on all cores and written in the order of the calls.</summary>
    public void WriteBlock(uint image, int thread, EventBlockWriter block)
    {
        _encoding.Enqueue(Encode(thread, block, image));
        while (_encoding.Count > 2 * Encoders)
            WriteOldest();
    }

    /// <summary>Writes a block that was encoded before.</summary>
    public void WriteBlock(uint image, in EncodedBlock block)
    {
        WriteBlocks();
        WriteFrame(block.Header with { Image = image }, block.Payload);
    }

    /// <summary>Encodes a block, to be written later; it is the writer's from here on.</summary>
    public Task<EncodedBlock> Encode(int thread, EventBlockWriter block, uint image = 0)
    {
        return Encoders > 0 ? Task.Run(Work) : Task.FromResult(Work());

        EncodedBlock Work()
        {
            byte[] payload = block.Encode();
            var header = new FrameHeader
            {
                Kind = block.IsCarried ? FrameKind.Carried : FrameKind.Events,
                Image = image,
                Thread = (uint)thread,
                Count = (uint)block.Events,
                Interval = block.Interval,
                FirstTicks = block.FirstTicks,
                LastTicks = block.LastTicks,
            };
            lock (_unused)
                _unused.Push(block);
            return new EncodedBlock(header, payload);
        }
    }

    /// <summary>Gives what was written to the system.</summary>
    /// <exception cref="TraceNotWritableException">The disk is full.</exception>
    public void Flush()
    {
        WriteBlocks();
        Writing(_file.Flush);
    }

    /// <summary>Writes what is left, and gives the file its name.</summary>
    /// <exception cref="TraceNotWritableException">The disk is full, or the name cannot be taken.</exception>
    public void Complete()
    {
        WriteBlocks();
        var entries = _index.ToArray();
        var trailer = new FileTrailer { IndexOffset = (ulong)_file.Position, Check = ~(ulong)_file.Position, Magic = PackedWire.TrailerMagic };
        WriteFrame(new FrameHeader { Kind = FrameKind.Index, Count = (uint)entries.Length }, MemoryMarshal.AsBytes(entries.AsSpan()).ToArray());
        Write(MemoryMarshal.AsBytes(new ReadOnlySpan<FileTrailer>(in trailer)));
        if (_file is FileStream file && _path is not null)
        {
            Writing(() =>
            {
                file.Flush(flushToDisk: true);
                file.Dispose();
            });
            if (_temporary is not null)
                TakeName();
        }
        _complete = true;
    }

    public void Dispose()
    {
        if (_complete)
            return;
        Task.WhenAll(_encoding).ContinueWith(_ => { }, TaskScheduler.Default).Wait(); // nobody wants to hear of what failed there
        if (_temporary is not null)
            Remove(_file, _temporary);
        else if (_path is not null)
            Close(_file);
    }

    /// <summary>Closing a file writes what was buffered, which fails on a full disk: that was said before, and is no reason to leave it there.</summary>
    private static void Remove(Stream file, string path)
    {
        Close(file);
        File.Delete(path);
    }

    private static void Close(Stream file)
    {
        try
        {
            file.Dispose();
        }
        catch (Exception e) when (TraceNotWritableException.Covers(e))
        {
        }
    }

    /// <summary>Where nothing is to be replaced, the name is taken by a link, which fails where a file has appeared meanwhile.</summary>
    private void TakeName() => Writing(() =>
    {
        try
        {
            File.Move(_temporary!, _path!, _replace);
        }
        catch (IOException) when (!_replace && Path.Exists(_path))
        {
            throw TraceNotWritableException.Exists(_path!);
        }
    });

    private void Write(ReadOnlySpan<byte> bytes)
    {
        try
        {
            _file.Write(bytes);
        }
        catch (Exception e) when (_path is not null && TraceNotWritableException.Covers(e))
        {
            throw TraceNotWritableException.Of(_path, e);
        }
    }

    private void Writing(Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (_path is not null && TraceNotWritableException.Covers(e))
        {
            throw TraceNotWritableException.Of(_path!, e);
        }
    }

    private (FileStream File, string Path) CreateTemporary(string extension)
    {
        string folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(_path!))!;
        string path = System.IO.Path.Combine(folder, $".{System.IO.Path.GetFileName(_path)}.{Environment.ProcessId}.{extension}");
        try
        {
            // Readable too, for WriteImageBefore.
            return (PrivateFile.Create(path, FileMode.CreateNew, FileAccess.ReadWrite), path);
        }
        catch (Exception e) when (TraceNotWritableException.Covers(e))
        {
            throw TraceNotWritableException.Of(_path!, e);
        }
    }

    private void WriteFileHeader()
    {
        var header = new FileHeader { Magic = PackedWire.FileMagic, VersionMajor = PackedWire.VersionMajor, VersionMinor = PackedWire.VersionMinor };
        Write(MemoryMarshal.AsBytes(new ReadOnlySpan<FileHeader>(in header)));
    }

    private void WriteBlocks()
    {
        while (_encoding.Count > 0)
            WriteOldest();
    }

    private void WriteOldest()
    {
        (FrameHeader header, byte[] payload) = _encoding.Dequeue().GetAwaiter().GetResult();
        WriteFrame(header, payload);
    }

    private void WriteFrame(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        header.Magic = PackedWire.FrameMagic;
        header.Length = (uint)payload.Length;
        header.Checksum = header.Sum(payload);
        _index.Add(new IndexEntry { Offset = (ulong)_file.Position, Header = header });
        Write(MemoryMarshal.AsBytes(new ReadOnlySpan<FrameHeader>(in header)));
        Write(payload);
    }
}

/// <summary>A block of events as it is stored.</summary>
internal readonly record struct EncodedBlock(FrameHeader Header, byte[] Payload);
