using System.Runtime.InteropServices;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Packed;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Formats;

/// <summary>
/// A small pack at each of its bytes: cut there, changed there. <c>PackDamageTests</c> does so at random to a large one.
/// </summary>
public sealed class PackFileTests
{
    private const int FileHeaderSize = 16, FrameHeaderSize = 64, TrailerSize = 24;

    private static readonly byte[] Small = PackFrames.Pack(Recording());

    private static RecordingWriter Recording()
    {
        var recording = new RecordingWriter();
        recording.Thread(0).Malloc(80, 0x1000, 8).Malloc(160, 0x2000, 16).Interval(2).Free(400, 0x1000);
        recording.Thread(1).Malloc(240, 0x3000, 8).Event(320, CallKind.Calloc, 0x4000, 8, 4);
        return recording;
    }

    [Fact]
    public void Every_cut_is_damage_and_leaves_the_beginning_of_each_thread()
    {
        List<Events.Own>[] whole = ReadThreads(Small, out TraceFormatException? none)!;
        Assert.Null(none);
        int[] ends = [.. FrameEnds(Small)];
        for (int cut = 0; cut < Small.Length; cut++)
        {
            List<Events.Own>[]? found = ReadThreads(Small[..cut], out TraceFormatException? damage);
            Assert.True(damage is not null, $"cut {cut}");
            int frames = ends.Count(e => e <= cut), blocks = PackFrames.Of(Small).Frames.Take(frames).Count(f => f.Header.Kind == FrameKind.Events);
            Assert.Equal(frames == 0, found is null); // the first frame is the image
            if (found is null)
                continue;
            for (int t = 0; t < whole.Length; t++)
                Assert.Equal(whole[t].Take(found[t].Count), found[t]);
            // Each whole block that is left is read: in order of their first events, one of two, one of two, one of one.
            Assert.Equal(((int[])[0, 2, 4, 5])[blocks], found.Sum(t => t.Count));
            // Where it says that it is cut is where the last whole frame ends.
            Assert.Equal(ends[frames - 1], damage.Offset);
        }
    }

    [Fact]
    public void Every_changed_byte_is_refused_or_damage_and_events_are_none_but_the_recorded()
    {
        List<Events.Own>[] whole = ReadThreads(Small, out _)!;
        for (int at = 0; at < Small.Length; at++)
        {
            foreach (byte change in (byte[])[1, 0x80, 0xff])
            {
                byte[] changed = [.. Small];
                changed[at] ^= change;
                List<Events.Own>[]? found = ReadThreads(changed, out TraceFormatException? damage);
                // A minor version, and what is reserved for one.
                Assert.Equal(at is >= 10 and < FileHeaderSize, damage is null);
                if (found is null)
                    continue;
                for (int t = 0; t < found.Length; t++)
                    Assert.Equal(whole[t].Take(found[t].Count), found[t]);
            }
        }
    }

    [Fact]
    public void A_file_of_seven_bytes_is_no_pack_and_one_of_eight_begins_like_one()
    {
        Assert.False(PackFile.IsPack(Source(Small[..7])));
        Assert.True(PackFile.IsPack(Source(Small[..8])));
        Assert.False(PackFile.IsPack(Source([.. Small[..7], 0])));
        Assert.Equal("expected a packed trace (magic ALTR)", Reason(Refusal(Small[..7])));
        TraceFormatException cut = Refusal(Small[..15]);
        Assert.Equal((15, "expected a header of 16 bytes, found the end of the file"), (cut.Offset, Reason(cut)));
        Assert.Contains("has no process image", Refusal(new PackFrames().Build()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_older_major_version_is_for_another_program_and_not_for_a_newer_one()
    {
        PackFrames pack = PackFrames.Of(Small);
        pack.VersionMajor = 0;
        Assert.Equal("format version 0 is not one that this program reads (1); use another allocreplay", Reason(Refusal(pack.Build())));
    }

    [Fact]
    public void An_index_that_cannot_be_trusted_is_told_and_the_frames_are_read_without_it()
    {
        int index = FrameEnds(Small).Last();
        AssertWalked(Small[..^1]);
        AssertWalked([.. Small, 0]);
        AssertWalked(Changed<FileTrailer>(Small.Length - TrailerSize, (ref FileTrailer t) => t.Magic++));
        AssertWalked(Changed<FileTrailer>(Small.Length - TrailerSize, (ref FileTrailer t) => t.Check++));
        AssertWalked(Changed<FileTrailer>(Small.Length - TrailerSize, (ref FileTrailer t) => (t.IndexOffset, t.Check) = (ulong.MaxValue, 0)));
        const ulong NoIndex = FileHeaderSize;
        AssertWalked(Changed<FileTrailer>(Small.Length - TrailerSize, (ref FileTrailer t) => (t.IndexOffset, t.Check) = (NoIndex, ~NoIndex)));
        AssertWalked(Changed<FrameHeader>(index, (ref FrameHeader h) => h.Count--));
        AssertWalked(Changed<FrameHeader>(index, (ref FrameHeader h) => h.Length -= 72));
        AssertWalked(Changed<FrameHeader>(index, (ref FrameHeader h) => h.Checksum++));

        // A sound one in itself, whose list is not that of the frames.
        PackFrames pack = PackFrames.Of(Small);
        AssertWalked(pack.Build(list: entries => entries[..^1]));
        AssertWalked(pack.Build(list: entries => [.. entries, entries[^1]]));
        AssertWalked(pack.Build(list: entries => [entries[0] with { Offset = entries[0].Offset + 1 }, .. entries[1..]]));
        AssertWalked(pack.Build(list: entries => [entries[0] with { Header = entries[0].Header with { Magic = 0 } }, .. entries[1..]]));
        AssertWalked(pack.Build(list: entries => [entries[0] with { Header = entries[0].Header with { Length = 1 } }, .. entries[1..]]));
    }

    [Fact]
    public void A_frame_that_is_not_the_one_listed_is_damage_where_it_is_read()
    {
        PackFrames pack = PackFrames.Of(Small);
        int at = pack.IndexOf(FrameKind.Events);
        byte[] file = pack.Build(list: entries => [.. entries.Select((e, i) => i == at ? e with { Header = e.Header with { Interval = 9 } } : e)]);
        using TraceReader reader = PackFrames.Open(file);
        Assert.Null(reader.Damage);
        while (reader.Read(out _))
        {
        }
        Assert.Equal("expected the frame that the index lists, found another", Reason(reader.Damage!));
    }

    [Theory]
    [InlineData(1u, 0u, 0, "expected a frame of the 1 images before it, found one of image 1")]
    [InlineData(0u, 2u, 0, "expected a thread below 2, found 2")]
    [InlineData(0u, 0u, -1, "expected the blocks of thread 0 in order of time")]
    public void A_block_where_there_can_be_none_is_damage(uint image, uint thread, long laterBy, string expected)
    {
        PackFrames pack = PackFrames.Of(Small);
        int last = pack.Frames.FindLastIndex(f => f.Header.Kind == FrameKind.Events && f.Header.Thread == 0), first = pack.IndexOf(FrameKind.Events);
        (FrameHeader header, byte[] payload) = pack.Frames[last];
        ulong ticks = laterBy < 0 ? pack.Frames[first].Header.LastTicks + (ulong)laterBy : header.FirstTicks;
        pack.Frames[last] = (header with { Image = image, Thread = thread, FirstTicks = ticks }, payload);
        foreach (byte[] file in (byte[][])[pack.Build(), pack.Build(index: false)])
        {
            using TraceReader reader = PackFrames.Open(file);
            Assert.Equal(4, Events.Merged(reader).Count);
            Assert.Equal(expected, Reason(reader.Damage!));
        }
    }

    [Fact]
    public void Blocks_of_one_thread_may_meet_at_one_tick_and_may_not_end_before_they_begin()
    {
        var recording = new RecordingWriter();
        recording.Thread(0).Malloc(80, 0x1000, 8).Interval(2).Free(80, 0x1000);
        byte[] pack = PackFrames.Pack(recording);
        Assert.Equal(2, Assert.Single(ReadThreads(pack, out TraceFormatException? damage)!).Count);
        Assert.Null(damage);

        PackFrames frames = PackFrames.Of(pack);
        int at = frames.IndexOf(FrameKind.Events);
        frames.Frames[at] = (frames.Frames[at].Header with { LastTicks = frames.Frames[at].Header.FirstTicks - 1 }, frames.Frames[at].Payload);
        using TraceReader reader = PackFrames.Open(frames.Build());
        Assert.Equal("expected the blocks of thread 0 in order of time", Reason(reader.Damage!));
    }

    [Fact]
    public void Images_are_numbered_as_they_come()
    {
        PackFrames pack = PackFrames.Of(Small);
        pack.Frames.Insert(1, pack.Frames[0]);
        using TraceReader reader = PackFrames.Open(pack.Build());
        Assert.Equal("expected image 1, found image 0", Reason(reader.Damage!));
        Assert.Empty(Events.Merged(reader));
    }

    [Fact]
    public void A_block_is_not_longer_than_any_writer_makes_it()
    {
        PackFrames pack = PackFrames.Of(Small);
        int at = pack.IndexOf(FrameKind.Events);
        byte[] longest = new byte[PackedWire.BlockLengthMax];
        pack.Frames[at].Payload.CopyTo(longest, 0);
        pack.Frames[at] = (pack.Frames[at].Header, longest);
        Assert.Equal(5, ReadThreads(pack.Build(), out TraceFormatException? damage)!.Sum(t => t.Count));
        Assert.Null(damage);
        pack.Frames[at] = (pack.Frames[at].Header, [.. longest, 0]);
        ReadThreads(pack.Build(), out damage);
        Assert.Equal("expected a block of at most 8388608 bytes, found 8388609", Reason(damage!));
    }

    private delegate void Change<T>(ref T value);

    private static byte[] Changed<T>(int at, Change<T> change)
        where T : unmanaged
    {
        byte[] copy = [.. Small];
        change(ref MemoryMarshal.AsRef<T>(copy.AsSpan(at)));
        return copy;
    }

    private static void AssertWalked(byte[] pack)
    {
        Assert.Equal(5, ReadThreads(pack, out TraceFormatException? damage)!.Sum(t => t.Count));
        Assert.Equal("expected an index and the end of the trace, found neither whole: the trace is truncated or damaged here", Reason(damage!));
        Assert.Equal(FrameEnds(Small).Last(), damage!.Offset);
    }

    private static TraceFormatException Refusal(byte[] pack) => Assert.Throws<TraceFormatException>(() => PackFrames.Open(pack));

    /// <summary>What was expected and what was found, without the place.</summary>
    private static string Reason(TraceFormatException e) =>
        e.Message[(e.Message.IndexOf($" {e.Offset}: ", StringComparison.Ordinal) + $" {e.Offset}: ".Length)..];

    private static ByteSource Source(byte[] bytes) => ByteSource.OfBytes("memory.alloctrace", bytes);

    private static IEnumerable<int> FrameEnds(byte[] pack)
    {
        int at = FileHeaderSize;
        foreach ((_, byte[] payload) in PackFrames.Of(pack).Frames)
            yield return at += FrameHeaderSize + payload.Length;
    }

    /// <summary>Each thread's events; null where the file is refused. The damage is the refusal, or what reading met.</summary>
    private static List<Events.Own>[]? ReadThreads(byte[] pack, out TraceFormatException? damage)
    {
        try
        {
            using TraceReader reader = PackFrames.Open(pack);
            List<Events.Own>[] threads = [.. reader.Threads.Select(t => Events.OfThread(reader, t.Index))];
            while (reader.Read(out _))
            {
            }
            damage = reader.Damage;
            return threads;
        }
        catch (TraceFormatException refusal)
        {
            damage = refusal;
            return null;
        }
    }
}
