using System.Runtime.InteropServices;
using AllocReplay.Formats;
using AllocReplay.Formats.Packed;
using AllocReplay.Tests.Support;
using CsCheck;

namespace AllocReplay.Tests.Formats;

/// <summary>How much memory a process had: read from a recording and from a packed trace, whatever is in there, and thinned.</summary>
public sealed class MemoryEntriesTests
{
    private const string Seed = "0001mEm0rY52";
    private const ulong Tenth = 100_000_000; // ns

    private static readonly Gen<long> Bytes = Gen.OneOf(Gen.Long[0, 1L << 34], Gen.Long[0, long.MaxValue]);

    private static readonly Gen<MemorySample[]> Samples = Gen.Select(Gen.Long[0, 1L << 40], Bytes, Bytes, Bytes, Bytes,
        (ns, rss, anonymous, swap, peak) => new MemorySample(ns, rss, anonymous, swap, peak)).Array[0, 100]
        .Select(s => s.DistinctBy(e => e.TimeNs).OrderBy(e => e.TimeNs).ToArray());

    [Fact]
    public void What_was_written_is_read() => Samples.Sample(
        samples =>
        {
            byte[] bytes = MemoryEntries.Encode(samples);
            Assert.Equal(samples, MemoryEntries.Decode(bytes, 0));
            Assert.Equal(samples.SkipLast(1), MemoryEntries.Decode(bytes.AsSpan(0, Math.Max(0, bytes.Length - 1)), 0)); // the last was never finished
        },
        seed: Seed);

    [Fact]
    public void Any_bytes_are_samples_in_order_of_time_of_no_more_than_there_is_room_for() => Gen.Select(Gen.Byte.Array[0, 1000], Gen.ULong).Sample(
        (bytes, start) =>
        {
            IReadOnlyList<MemorySample> samples = MemoryEntries.Decode(bytes, start);
            Assert.InRange(samples.Count, 0, bytes.Length / MemoryEntries.Size);
            Assert.Equal(samples.DistinctBy(s => s.TimeNs).OrderBy(s => s.TimeNs), samples);
            Assert.All(samples, s => Assert.True(
                s is { TimeNs: >= 0, ResidentBytes: >= 0, AnonymousBytes: >= 0, SwappedBytes: >= 0, PeakResidentBytes: >= 0 }));
        },
        seed: Seed);

    [Fact]
    public void A_recording_and_its_pack_have_the_same_samples_and_a_part_has_its_own()
    {
        RecordingWriter recording = Recorded();
        MemorySample[] all = [new(0, 10, 5, 1, 12), new(800, 20, 6, 2, 30), new(2400, 15, 7, 0, 30)];

        using (TraceReader reader = PackFrames.Open(recording))
            Assert.Equal(all, reader.MemorySamples);
        using (TraceReader reader = PackFrames.Open(PackFrames.Pack(recording)))
            Assert.Equal(all, reader.MemorySamples);
        using (TraceReader reader = PackFrames.Open(recording, new TraceRange { FromNs = 1, ToNs = 2400 }))
            Assert.Equal(all[1..2], reader.MemorySamples);
    }

    [Fact]
    public void What_is_not_later_than_what_is_before_it_is_left_out_and_what_is_too_much_is_the_most_there_can_be()
    {
        RecordingWriter recording = Recorded().Memory(1600, 99).Memory(2400, 98).Memory(3000, ulong.MaxValue, 1ul << 63, 3, 4);
        using TraceReader reader = PackFrames.Open(recording);
        Assert.Equal([10, 20, 15, long.MaxValue], reader.MemorySamples.Select(s => s.ResidentBytes));
        Assert.Equal(new MemorySample(3000, long.MaxValue, long.MaxValue, 3, 4), reader.MemorySamples[^1]);
    }

    [Fact]
    public void Of_two_frames_of_an_image_the_later_holds()
    {
        PackFrames pack = PackFrames.Of(PackFrames.Pack(Recorded()));
        int at = pack.IndexOf(FrameKind.Memory);
        byte[] later = Metadata.Encode(new ImageMemory { Samples = MemoryEntries.Encode([new(7, 1, 2, 3, 4)]) }, out uint length);
        pack.Frames.Insert(at + 1, (new FrameHeader { Kind = FrameKind.Memory, Count = length }, later));
        using TraceReader reader = PackFrames.Open(pack.Build());
        Assert.Equal([new MemorySample(7, 1, 2, 3, 4)], reader.MemorySamples);
    }

    [Theory]
    [InlineData(0, new byte[] { 0xc1 })] // of no type
    [InlineData(0, new byte[] { 0xc0 })] // nil
    [InlineData(7, new byte[] { 0x80 })] // of an image that is not there
    public void A_frame_that_is_wrong_is_damage(uint image, byte[] payload)
    {
        PackFrames pack = PackFrames.Of(PackFrames.Pack(Recorded()));
        int at = pack.IndexOf(FrameKind.Memory);
        pack.Frames[at] = (new FrameHeader { Kind = FrameKind.Memory, Image = image, Count = (uint)payload.Length }, payload);
        using TraceReader reader = PackFrames.Open(pack.Build());
        Assert.NotNull(reader.Damage);
        Assert.Empty(reader.MemorySamples);
    }

    [Fact]
    public void A_frame_without_samples_says_that_there_are_none()
    {
        PackFrames pack = PackFrames.Of(PackFrames.Pack(Recorded()));
        int at = pack.IndexOf(FrameKind.Memory);
        pack.Frames[at] = (new FrameHeader { Kind = FrameKind.Memory, Count = 1 }, [0x80]);
        using TraceReader reader = PackFrames.Open(pack.Build());
        Assert.Null(reader.Damage);
        Assert.Empty(reader.MemorySamples);
    }

    [Fact]
    public void What_stays_of_entries_is_as_near_as_their_age_asks_for() => Gen.Select(Gen.ULong[1, 10 * Tenth].Array[1, 500], Gen.Int[32, 400]).Sample(
        (steps, atMost) =>
        {
            MemoryEntry[] all = Entries(steps), left = MemoryEntries.Thin(all, atMost);
            Assert.Equal((all[0], all[^1]), (left[0], left[^1]));
            Assert.All(all.Except(left), e => Assert.True(IsNear(left.Last(l => l.MonoNs < e.MonoNs), e)));
            Assert.All(left.Skip(1).SkipLast(1).Zip(left), pair => Assert.False(IsNear(pair.Second, pair.First)));
            Assert.Equal(left, all.Where(left.Contains));

            bool IsNear(MemoryEntry earlier, MemoryEntry e) => (e.MonoNs - earlier.MonoNs) * (ulong)(atMost / 32) < all[^1].MonoNs - e.MonoNs;
        },
        seed: Seed, iter: 200);

    /// <summary>However long it goes on, whatever is written leaves room for as much again before long.</summary>
    [Theory]
    [InlineData(409)]
    [InlineData(4096)]
    public void There_are_never_more_than_asked_for(int atMost)
    {
        var entries = new List<MemoryEntry>();
        ulong now = 0;
        for (ulong step = Tenth; now < 100ul * 365 * 24 * 3600 * 1_000_000_000; step += step / 50)
        {
            for (int i = 0; i < 100; i++)
            {
                if (entries.Count == atMost)
                {
                    entries = [.. MemoryEntries.Thin(CollectionsMarshal.AsSpan(entries), atMost)];
                    Assert.InRange(entries.Count, atMost / 20, atMost / 2);
                }
                entries.Add(new MemoryEntry { MonoNs = now += step });
            }
        }
        Assert.Equal(now, entries[^1].MonoNs);
    }

    private static MemoryEntry[] Entries(ulong[] steps)
    {
        ulong now = 0;
        return [.. steps.Select(step => new MemoryEntry { MonoNs = now += step })];
    }

    private static RecordingWriter Recorded()
    {
        var recording = new RecordingWriter();
        recording.Thread(0).Malloc(80, 0x1000, 8).Malloc(3200, 0x2000, 8);
        return recording.Memory(-5, 10, 5, 1, 12).Memory(800, 20, 6, 2, 30).Memory(2400, 15, 7, 0, 30);
    }
}
