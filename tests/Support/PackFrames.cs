using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Packed;

namespace AllocReplay.Tests.Support;

/// <summary>A packed trace taken apart into frames, to be put together differently. Checksums and index are made anew.</summary>
internal sealed class PackFrames
{
    private static readonly int FileHeaderSize = Unsafe.SizeOf<FileHeader>(), HeadSize = Unsafe.SizeOf<FrameHeader>();

    public List<(FrameHeader Header, byte[] Payload)> Frames { get; } = [];

    public ushort VersionMajor { get; set; } = PackedWire.VersionMajor;

    public ushort VersionMinor { get; set; } = PackedWire.VersionMinor;

    /// <summary>Packs a recording in memory.</summary>
    public static byte[] Pack(RecordingWriter recording)
    {
        using TraceReader reader = Open(recording);
        return Pack(reader);
    }

    public static byte[] Pack(TraceReader reader, int? blockEvents = null)
    {
        using var file = new MemoryStream();
        TracePacker.PackImage(reader, file, partial: true, blockEvents);
        return file.ToArray();
    }

    public static TraceReader Open(RecordingWriter recording, TraceRange? range = null) =>
        TraceReader.OpenImage(ByteFolder.OfFiles("memory/" + RecordingWriter.ImageName, recording.Files()), range);

    public static TraceReader Open(byte[] pack) => TraceReader.OpenPack(ByteSource.OfBytes("memory.alloctrace", pack));

    public static PackFrames Of(byte[] pack)
    {
        var frames = new PackFrames();
        for (int at = FileHeaderSize; ;)
        {
            var header = MemoryMarshal.Read<FrameHeader>(pack.AsSpan(at));
            if (header.Kind == FrameKind.Index)
                return frames;
            frames.Frames.Add((header, pack.AsSpan(at + HeadSize, (int)header.Length).ToArray()));
            at += HeadSize + (int)header.Length;
        }
    }

    public int IndexOf(FrameKind kind) => Frames.FindIndex(f => f.Header.Kind == kind);

    /// <summary>Appends metadata as it is, not compressed.</summary>
    public PackFrames Metadata(FrameKind kind, params byte[] messagePack)
    {
        Frames.Add((new FrameHeader { Kind = kind, Count = (uint)messagePack.Length }, messagePack));
        return this;
    }

    /// <summary>The file.</summary>
    /// <param name="index">False: it is cut off before the index.</param>
    /// <param name="list">Changes the index, whose checksum is then made.</param>
    public byte[] Build(bool index = true, Func<List<IndexEntry>, List<IndexEntry>>? list = null)
    {
        using var file = new MemoryStream();
        var entries = new List<IndexEntry>();
        file.Write(Bytes(new FileHeader { Magic = PackedWire.FileMagic, VersionMajor = VersionMajor, VersionMinor = VersionMinor }));
        foreach ((FrameHeader header, byte[] payload) in Frames)
            entries.Add(Write(file, header, payload));
        if (!index)
            return file.ToArray();
        IndexEntry[] listed = [.. list is null ? entries : list(entries)];
        ulong offset = (ulong)file.Position;
        Write(file, new FrameHeader { Kind = FrameKind.Index, Count = (uint)listed.Length }, MemoryMarshal.AsBytes(listed.AsSpan()).ToArray());
        file.Write(Bytes(new FileTrailer { IndexOffset = offset, Check = ~offset, Magic = PackedWire.TrailerMagic }));
        return file.ToArray();
    }

    private static IndexEntry Write(MemoryStream file, FrameHeader header, byte[] payload)
    {
        header.Magic = PackedWire.FrameMagic;
        header.Length = (uint)payload.Length;
        header.Checksum = header.Sum(payload);
        var entry = new IndexEntry { Offset = (ulong)file.Position, Header = header };
        file.Write(Bytes(header));
        file.Write(payload);
        return entry;
    }

    private static byte[] Bytes<T>(T value)
        where T : unmanaged => MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).ToArray();
}

/// <summary>What readers give, in a form that can be compared.</summary>
internal static class Events
{
    /// <summary>All of an event but what the merge adds: also its request, as the end of a reallocation has that from its begin.</summary>
    public sealed record Own(CallKind Kind, bool IsNull, int Thread, int OtherThread, long TimeNs, long DurationNs, uint Interval, ulong Address, ulong Size,
        ulong Count, ulong Alignment)
    {
        public static Own Of(TraceEvent e)
        {
            bool end = CallKinds.IsReallocEnd(e.Kind);
            return new(e.Kind, e.IsNull, e.Thread, e.OtherThread, e.TimeNs, e.DurationNs, e.Interval, e.Address, end ? 0 : e.Size, end ? 1 : e.Count,
                e.Alignment);
        }
    }

    public sealed record Whole(Own Own, ulong Size, ulong Count, long Object, long Previous, long Displaced);

    public static List<Whole> Merged(TraceReader reader)
    {
        var events = new List<Whole>();
        while (reader.Read(out TraceEvent e))
            events.Add(new Whole(Own.Of(e), e.Size, e.Count, e.Object, e.PreviousObject, e.DisplacedObject));
        return events;
    }

    /// <summary>A thread's events up to its damage.</summary>
    public static List<Own> OfThread(TraceReader reader, int thread, long fromNs = 0)
    {
        var events = new List<Own>();
        try
        {
            foreach (TraceEvent e in reader.ReadThread(thread, fromNs))
                events.Add(Own.Of(e));
        }
        catch (TraceFormatException)
        {
            // What came before it counts.
        }
        return events;
    }
}
