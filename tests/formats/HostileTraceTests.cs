using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Packed;
using AllocReplay.Formats.Recording;
using AllocReplay.Fuzz;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Formats;

/// <summary>
/// Traces made to hurt: each of these once hung a reader, took memory out of proportion, or was read as something else. Time limits are
/// a hundred times what is needed, and a small part of what the fault took.
/// </summary>
public sealed class HostileTraceTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Fact]
    public void Seeking_beyond_the_end_of_time_ends()
    {
        using TraceReader reader = PackFrames.Open(Small());
        Within(() =>
        {
            reader.Seek(long.MaxValue);
            Assert.False(reader.Read(out _));
        });
    }

    [Fact]
    public void Times_that_no_clock_holds_stay_in_order_and_are_never_negative()
    {
        var recording = new RecordingWriter();
        recording.Thread(0).Malloc(10, 0x1000, 8).Event(new RawEvent { Ticks = 1ul << 60, Kind = CallKind.Malloc, Address = 0x2000 })
            .Event(new RawEvent { Ticks = 1ul << 61, Kind = CallKind.Free, Address = 0x2000 });
        using TraceReader reader = PackFrames.Open(recording);
        // 2^63 ns less the start, then 2^64: more than 64 bits of counter.
        Assert.Equal([8, (long)((1ul << 63) - RecordingWriter.StartTicks), long.MaxValue], Events.OfThread(reader, 0).Select(e => e.TimeNs));
    }

    [Fact]
    public void A_time_that_wraps_around_is_damage()
    {
        var recording = new RecordingWriter();
        // malloc, short form, with the longest time delta there is
        recording.Thread(0).Malloc(10, 0x1000, 8).Bytes(63 << 2 | 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x08);
        using TraceReader reader = PackFrames.Open(recording);
        Assert.Single(Events.Merged(reader));
        Assert.Contains("expected a time that the counter can reach", reader.Damage!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_chunk_that_begins_before_its_predecessor_ends_is_damage()
    {
        var recording = new RecordingWriter();
        recording.Thread(0).Malloc(10_000, 0x1000, 8).Flush().Malloc(20_000, 0x2000, 8);
        Dictionary<string, byte[]> files = recording.Files();
        MemoryMarshal.Write(files[Wire.TailsFile].AsSpan(16), RecordingWriter.StartTicks);
        using TraceReader reader = TraceReader.OpenImage(ByteFolder.OfFiles("r/p1.0", files));
        Assert.Single(Events.Merged(reader));
        Assert.Contains("expected a chunk that begins at tick", reader.Damage!.Message, StringComparison.Ordinal);
        Assert.Equal(0, reader.Damage.Offset);
    }

    [Fact]
    public void A_block_whose_events_leave_its_times_is_damage()
    {
        foreach ((int first, int last) in ((int, int)[])[(0, 1), (0, -1), (-1, 0)])
        {
            PackFrames pack = PackFrames.Of(Small());
            int at = pack.IndexOf(FrameKind.Events);
            (FrameHeader header, byte[] payload) = pack.Frames[at];
            header.FirstTicks = (ulong)((long)header.FirstTicks + first);
            header.LastTicks = (ulong)((long)header.LastTicks + last);
            pack.Frames[at] = (header, payload);
            using TraceReader reader = PackFrames.Open(pack.Build());
            Assert.Empty(Events.Merged(reader));
            Assert.Contains("at the block's last tick", reader.Damage!.Message.Replace("after", "at", StringComparison.Ordinal), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void An_index_that_lists_one_frame_many_times_is_not_used()
    {
        // An image with much metadata, said to be there 20,000 times: a megabyte that was read as gigabytes.
        var recording = new RecordingWriter { Maps = new string('x', 200_000) };
        recording.Thread(0).Malloc(10, 0x1000, 8);
        PackFrames pack = PackFrames.Of(PackFrames.Pack(recording));
        byte[] file = pack.Build(list: entries => [.. Enumerable.Range(0, 20_000)
            .Select(i => entries[0] with { Header = entries[0].Header with { Image = 0 } }), .. entries]);
        long before = GC.GetAllocatedBytesForCurrentThread();
        using TraceReader reader = PackFrames.Open(file);
        Assert.Single(Events.Merged(reader));
        Assert.NotNull(reader.Damage);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16 << 20);
    }

    [Fact]
    public void Metadata_nested_a_million_deep_is_refused()
    {
        byte[] unknown = [0x81, 0xa1, (byte)'x', .. Enumerable.Repeat((byte)0x91, 1_000_000), 0xc0];
        Assert.Throws<TraceFormatException>(() => PackFrames.Open(new PackFrames().Metadata(FrameKind.Image, unknown).Build()));
        Assert.Throws<TraceFormatException>(() => PackFrames.Open(new PackFrames().Metadata(FrameKind.Session, unknown).Build()));
    }

    [Theory]
    [InlineData(new byte[] { 0xc0 }, "found nil")]
    [InlineData(new byte[] { 0x81, 0xa4, (byte)'h', (byte)'o', (byte)'s', (byte)'t', 0xc0 }, "expected a session's command, host")]
    public void A_session_without_what_every_session_has_is_refused(byte[] session, string expected)
    {
        TraceFormatException refusal = Assert.Throws<TraceFormatException>(() =>
            PackFrames.Open(new PackFrames().Metadata(FrameKind.Session, session).Build()));
        Assert.Contains(expected, refusal.Message, StringComparison.Ordinal);
        using var directory = new TemporaryDirectory();
        File.WriteAllBytes(directory[SessionInfo.FileName], session);
        Assert.Throws<TraceFormatException>(() => SessionInfo.Load(directory.Path));
    }

    [Fact]
    public void Metadata_that_claims_gigabytes_is_refused()
    {
        PackFrames pack = PackFrames.Of(Small());
        pack.Frames[0] = (pack.Frames[0].Header with { Count = uint.MaxValue }, new byte[PackedWire.MetadataLengthMax / 16]);
        TraceFormatException refusal = Assert.Throws<TraceFormatException>(() => PackFrames.Open(pack.Build()));
        Assert.Contains($"expected at most {PackedWire.MetadataLengthMax} bytes of metadata, found 4294967295", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Chunks_in_the_opposite_order_are_sorted_in_time()
    {
        // Each was inserted before all others.
        const int Chunks = 400_000;
        var chunk = new byte[64 + 5];
        using var events = new MemoryStream();
        for (int i = Chunks - 1; i >= 0; i--)
        {
            MemoryMarshal.Write(chunk, new ChunkHeader
            {
                Magic = Wire.ChunkMagic,
                Sequence = (uint)i,
                Length = 5,
                Ticks = RecordingWriter.StartTicks,
                Interval = 1
            });
            chunk[64] = 1; // malloc, in units from address 0
            events.Write(chunk);
        }
        Dictionary<string, byte[]> files = new RecordingWriter().Files();
        files[Wire.EventsFile] = events.ToArray();
        Within(() =>
        {
            using TraceReader reader = TraceReader.OpenImage(ByteFolder.OfFiles("r/p1.0", files));
            Assert.Equal(Chunks, reader.ReadThread(0).Count());
        });
    }

    [Fact]
    public void Short_chunks_without_number_do_not_repeat_the_work_on_a_long_tail()
    {
        // A megabyte of tail, and 60,000 times its first 16 bytes: each was compared with a megabyte.
        var tail = new byte[1 << 20];
        MemoryMarshal.Write(tail, new ChunkHeader
        {
            Magic = Wire.ChunkMagic,
            Length = (1 << 20) - 64,
            Ticks = RecordingWriter.StartTicks,
            Capacity = 1 << 20,
            Interval = 1
        });
        Dictionary<string, byte[]> files = new RecordingWriter().Files();
        files[Wire.TailsFile] = tail;
        files[Wire.EventsFile] = [.. Enumerable.Range(0, 60_000).SelectMany(_ => tail[..16])];
        Within(() =>
        {
            using TraceReader reader = TraceReader.OpenImage(ByteFolder.OfFiles("r/p1.0", files));
            Assert.NotNull(reader.Damage);
        });
    }

    [Fact]
    public void Threads_that_wait_for_one_address_do_not_wake_each_other()
    {
        // Each waits for the others' releases: every release woke all that waited, and each step searched all of them.
        const int Threads = 30_000;
        var recording = new RecordingWriter();
        for (int i = 0; i < Threads; i++)
            recording.Thread(i).Malloc(100, 0x1000, 8).Free(100, 0x1000).Malloc(100, 0x1000, 8).Free(200, 0x1000).Flush();
        byte[] events = recording.Files()[Wire.EventsFile];
        Dictionary<string, byte[]> files = new RecordingWriter().Files();
        files[Wire.EventsFile] = events;
        Within(() =>
        {
            using TraceReader reader = TraceReader.OpenImage(ByteFolder.OfFiles("r/p1.0", files));
            long count = 0;
            while (reader.Read(out _))
                count++;
            Assert.Equal(4 * Threads, count);
            Assert.Equal(0, reader.Merge.ForcedSteps);
        });
    }

    [Fact]
    public void Threads_are_read_one_by_one_in_time()
    {
        // Each made a table of all.
        const int Threads = 30_000;
        var recording = new RecordingWriter();
        for (int i = 0; i < Threads; i++)
            recording.Thread(i).Malloc(100, 0x1000, 8).Flush();
        Dictionary<string, byte[]> files = new RecordingWriter().Files();
        files[Wire.EventsFile] = recording.Files()[Wire.EventsFile];
        Within(() =>
        {
            using TraceReader reader = TraceReader.OpenImage(ByteFolder.OfFiles("r/p1.0", files));
            Assert.Equal(Threads, reader.Threads.Sum(t => reader.ReadThread(t.Index).Count()));
        });
    }

    [Fact]
    public void The_structures_of_the_file_are_as_long_as_the_specification_says() =>
        Assert.Equal((16, 64, 72, 24), (Unsafe.SizeOf<FileHeader>(), Unsafe.SizeOf<FrameHeader>(), Unsafe.SizeOf<IndexEntry>(), Unsafe.SizeOf<FileTrailer>()));

    /// <summary>Inputs that the fuzzer once reported. See CONTRIBUTING.md.</summary>
    [Fact]
    public void Inputs_that_the_fuzzer_found_are_read_or_refused()
    {
        string saved = Path.Combine(SourceTree.Root, "tests", "data", "crashers");
        foreach (string file in Directory.Exists(saved) ? Directory.GetFiles(saved, "*.hex") : [])
            Within(() => Campaign.Replay(File.ReadAllText(file)));
    }

    /// <summary>Where no event has a stack, who packs the trace is the first to look at its symbols: the fuzzer took their damage for the packer's.</summary>
    [Fact]
    public void Symbols_that_no_event_leads_to_are_damage_of_the_trace()
    {
        var recording = new RecordingWriter();
        recording.Thread(0).Malloc(10, 0x1000, 8);
        Dictionary<string, byte[]> files = new(recording.Files()) { [Wire.SymbolsFile] = [0x94] };
        string input = string.Concat(files.Select(f => $"{f.Key}:\n{Convert.ToHexStringLower(f.Value)}\n"));
        Assert.Contains("expected symbols as a MessagePack map", Campaign.Replay(input), StringComparison.Ordinal);
    }

    private static byte[] Small()
    {
        var recording = new RecordingWriter();
        recording.Thread(0).Malloc(10, 0x1000, 8).Malloc(200, 0x2000, 16).Free(300, 0x1000);
        return PackFrames.Pack(recording);
    }

    private static void Within(Action action)
    {
        long began = Stopwatch.GetTimestamp();
        Task task = Task.Run(action);
        Assert.True(task.Wait(Limit), $"no end after {Stopwatch.GetElapsedTime(began).TotalSeconds:F0} s");
    }
}
