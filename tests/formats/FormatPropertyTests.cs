using System.Buffers;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Packed;
using AllocReplay.Tests.Support;
using CsCheck;

namespace AllocReplay.Tests.Formats;

/// <summary>Random events, of all kinds and with any values, come back as they were written: from a recording directory and from its pack.</summary>
public sealed class FormatPropertyTests
{
    private const string Seed = "0003aGq7kT21";
    private static readonly int Iterations = Effort.Of(300, small: 80);

    /// <summary>The last tick that a chunk's header can hold.</summary>
    private const ulong LastTick = (ulong.MaxValue >> RecordingWriter.TickShift) - 1;

    private sealed record Step(int Thread, CallKind Kind, bool IsNull, ulong Address, ulong Size, ulong Count, ulong Alignment, int OtherThread, ulong Delta,
        ulong Duration, int Break);

    private static readonly Gen<ulong> Extreme = Gen.Frequency(
        (6, Gen.ULong[0, 300]), (2, Gen.ULong),
            (2, Gen.OneOf<ulong>(0, 1, 0x7f, 0x80, 1ul << 32, long.MaxValue, 1ul << 63, ulong.MaxValue - 1, ulong.MaxValue)));

    private static readonly Gen<ulong> Address = Gen.Frequency(
        (8, Gen.ULong[1, 12].Select(a => 0x7f00_0000_0000 + a * 48)), (3, Gen.ULong[1, 1 << 20]), (1, Gen.ULong[1, ulong.MaxValue]),
        (1, Gen.OneOf<ulong>(1, 8, ulong.MaxValue, ulong.MaxValue - 7, 1ul << 63)));

    private static readonly Gen<ulong> Delta = Gen.Frequency(
        (4, Gen.Const(0ul)), (10, Gen.ULong[0, 70]), (3, Gen.ULong[0, 1ul << 34]), (1, Gen.ULong[0, 1ul << 59]));

    private static readonly Gen<Step> AnyStep =
        from thread in Gen.Int[0, 3]
        from kind in Gen.OneOf(Enum.GetValues<CallKind>())
        from isNull in Gen.Frequency((7, Gen.Const(false)), (1, Gen.Const(true)))
        from address in Address
        from size in Extreme
        from count in Extreme
        from alignment in Extreme
        from other in Gen.Frequency((4, Gen.Int[-1, 5]), (1, Gen.Const(int.MaxValue - 1)))
        from delta in Delta
        from duration in Extreme
        from cut in Gen.Int[0, 25]
        select new Step(thread, kind, isNull, address, size, count, alignment, other, delta, duration, cut);

    private static readonly Gen<(bool Latency, Step[] Steps, long Moment)> Traces = Gen.Select(Gen.Bool, AnyStep.Array[1, 60], Gen.Frequency(
        (1, Gen.Long[0, long.MaxValue]), (3, Gen.Long[0, 2000])));

    [Fact]
    public void Any_events_come_back_as_they_were_written() => Traces.Sample(
        trace =>
        {
            (RecordingWriter recording, List<List<Events.Own>> expected) = Write(trace.Latency, trace.Steps);
            using TraceReader directory = PackFrames.Open(recording);
            using TraceReader pack = PackFrames.Open(PackFrames.Pack(recording));
            foreach (TraceReader reader in (TraceReader[])[directory, pack])
            {
                Assert.Equal(expected.Count, reader.Threads.Count);
                for (int thread = 0; thread < expected.Count; thread++)
                    Assert.Equal(expected[thread], Events.OfThread(reader, thread));
            }
            Assert.Equal(directory.Threads, pack.Threads);
            List<Events.Whole> merged = Events.Merged(directory);
            Assert.Equal(expected.Sum(t => t.Count), merged.Count);
            Assert.Equal(merged, Events.Merged(pack));
            Assert.Equal(directory.Merge, pack.Merge);
            Assert.Null(directory.Damage);
            Assert.Null(pack.Damage);
        },
        seed: Seed, iter: Iterations);

    [Fact]
    public void Seeking_gives_the_events_that_are_not_before_the_moment() => Traces.Sample(
        trace =>
        {
            (RecordingWriter recording, List<List<Events.Own>> expected) = Write(trace.Latency, trace.Steps);
            using TraceReader directory = PackFrames.Open(recording);
            using TraceReader pack = PackFrames.Open(PackFrames.Pack(recording));
            long some = expected.SelectMany(t => t).ElementAt((int)(trace.Moment % expected.Sum(t => t.Count))).TimeNs;
            foreach (TraceReader reader in (TraceReader[])[directory, pack])
            {
                foreach (long moment in (long[])[0, trace.Moment, some, some - 1, some == long.MaxValue ? some : some + 1, long.MaxValue, long.MinValue])
                {
                    reader.Seek(moment);
                    ILookup<int, Events.Own> found = Events.Merged(reader).Select(e => e.Own).ToLookup(e => e.Thread);
                    for (int thread = 0; thread < expected.Count; thread++)
                    {
                        Events.Own[] after = [.. expected[thread].Where(e => e.TimeNs >= moment)];
                        Assert.Equal(after, found[thread]);
                        Assert.Equal(after, Events.OfThread(reader, thread, moment));
                    }
                }
            }
        },
        seed: Seed, iter: Iterations);

    [Fact]
    public void Packing_a_pack_gives_the_same_bytes() => Traces.Sample(
        trace =>
        {
            byte[] once = PackFrames.Pack(Write(trace.Latency, trace.Steps).Recording);
            using TraceReader pack = PackFrames.Open(once);
            Assert.Equal(once, PackFrames.Pack(pack));
        },
        seed: Seed, iter: Iterations / 4);

    [Fact]
    public void Any_integers_come_back_from_a_column() =>
        Gen.Select(Gen.Bool, Gen.Int[0, 20], Gen.Frequency((3, Gen.ULong[0, 3]), (3, Gen.ULong[0, 100_000]), (1, Extreme)).Array[0, 400]).Sample(
            (signed, shift, values) =>
            {
                ulong[] expected = [.. values.Select(v => v << shift)], read = new ulong[values.Length];
                var output = new ArrayBufferWriter<byte>();
                IntegerColumn.Write(output, 7, (ulong[])expected.Clone(), signed);
                Assert.Null(IntegerColumn.Read(output.WrittenSpan, read));
                Assert.Equal(expected, read);
                for (int cut = IntegerColumn.HeaderSize; cut < output.WrittenCount; cut++)
                    Assert.NotNull(IntegerColumn.Read(output.WrittenSpan[..cut], read));
            },
            seed: Seed, iter: Iterations);

    [Fact]
    public void Any_events_come_back_from_a_block() => Gen.Select(Gen.Bool, AnyStep.Array[1, 100]).Sample(
        (latency, steps) =>
        {
            var written = new EventBlockWriter();
            var read = new EventBlockReader();
            written.Clear(latency ? CallFields.Duration : CallFields.None);
            ulong ticks = 5;
            RawEvent[] expected = [.. steps.Select(s => Raw(s, ticks += s.Delta >> 10, latency) with { Interval = 3 })];
            foreach (RawEvent e in expected)
                written.Add(e);
            var header = new FrameHeader
            {
                Count = (uint)written.Events,
                Interval = written.Interval,
                FirstTicks = written.FirstTicks,
                LastTicks = written.LastTicks
            };
            Assert.Null(read.Decode(written.Encode(), header, latency ? CallFields.Duration : CallFields.None));
            foreach (RawEvent e in expected)
            {
                Assert.True(read.Read(out RawEvent found));
                Assert.Equal(e, found);
            }
            Assert.False(read.Read(out _));
        },
        seed: Seed, iter: Iterations);

    /// <summary>The event as it is read: without the fields that its kind does not have.</summary>
    private static RawEvent Raw(Step s, ulong ticks, bool latency)
    {
        CallFields fields = CallKinds.Fields(s.Kind)!.Value;
        bool Has(CallFields field) => (fields & field) != 0;
        bool isNull = Has(CallFields.Address) && s.IsNull;
        return new RawEvent
        {
            Kind = s.Kind,
            Ticks = ticks,
            IsNull = isNull,
            Address = Has(CallFields.Address) && !isNull ? s.Address : 0,
            Size = Has(CallFields.Size) ? s.Size : 0,
            Count = Has(CallFields.Count) ? s.Count : 1,
            Alignment = Has(CallFields.Alignment) ? s.Alignment : 0,
            OtherThread = Has(CallFields.Thread) ? s.OtherThread : -1,
            Duration = latency && CallKinds.IsOfBlock(s.Kind) ? s.Duration : 0,
        };
    }

    private static (RecordingWriter Recording, List<List<Events.Own>> Expected) Write(bool latency, Step[] steps)
    {
        var recording = new RecordingWriter { Latency = latency };
        // Threads that have no event are no threads of the trace.
        int[] recorded = [.. steps.Select(s => s.Thread).Distinct().Order()];
        List<List<Events.Own>> expected = [.. recorded.Select(_ => new List<Events.Own>())];
        uint[] interval = [1, 1, 1, 1];
        ulong ticks = RecordingWriter.StartTicks >> RecordingWriter.TickShift;
        foreach (Step s in steps)
        {
            ticks = Math.Min(ticks + s.Delta, LastTick);
            RawEvent e = Raw(s, ticks, latency);
            RecordingWriter.ThreadWriter thread = recording.Thread(s.Thread).Event(e);
            int dense = Array.IndexOf(recorded, s.Thread);
            expected[dense].Add(new Events.Own(
                s.Kind, e.IsNull, dense, Array.IndexOf(recorded, e.OtherThread), Ns(ticks), e.Duration == 0 ? 0 : Ns(e.Duration, RecordingWriter.StartTicks),
                interval[s.Thread], e.Address, e.Size, e.Count, e.Alignment));
            if (s.Break == 0)
                thread.Flush();
            else if (s.Break == 1)
                thread.Interval(++interval[s.Thread]);
        }
        return (recording, expected);
    }

    /// <summary>The writer's clock: a tick is 8 ns.</summary>
    private static long Ns(ulong ticks, ulong origin = 0) =>
        (long)UInt128.Min((((UInt128)ticks << RecordingWriter.TickShift) + origin > ulong.MaxValue
            ? long.MaxValue : ((UInt128)ticks << RecordingWriter.TickShift) - (origin == 0 ? RecordingWriter.StartTicks : 0)), long.MaxValue);
}
