using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Statistics;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Formats;

public sealed class MergeTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Events_of_threads_are_merged_by_time_and_resolved_to_objects()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Malloc(100, 0x1000, 32).Malloc(300, 0x2000, 64).Free(500, 0x2000);
        writer.Thread(1).Malloc(200, 0x3000, 16).Free(400, 0x1000);
        writer.Save();

        List<TraceEvent> events = ReadAll(out _);

        Assert.Equal([(0, 0L), (1, 1L), (0, 2L), (1, 0L), (0, 2L)], events.Select(e => (e.Thread, e.Object)));
        Assert.Equal([96L, 200L, 296L, 400L, 496L], events.Select(e => e.TimeNs)); // in units of 8 ns
    }

    [Fact]
    public void An_acquisition_stamped_before_the_release_it_depends_on_waits_for_it()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Malloc(100, 0x1000, 32).Free(1000, 0x1000);
        writer.Thread(1).Malloc(900, 0x1000, 48);
        writer.Save();

        List<TraceEvent> events = ReadAll(out MergeStatistics merge);

        Assert.Equal([CallKind.Malloc, CallKind.Free, CallKind.Malloc], events.Select(e => e.Kind));
        Assert.Equal(1, merge.Parks);
        Assert.Equal(0, merge.ForcedSteps);
    }

    [Fact]
    public void A_release_stamped_before_its_acquisition_waits_for_it()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Malloc(1000, 0x1000, 32);
        writer.Thread(1).Free(900, 0x1000);
        writer.Save();

        List<TraceEvent> events = ReadAll(out MergeStatistics merge);

        Assert.Equal([CallKind.Malloc, CallKind.Free], events.Select(e => e.Kind));
        Assert.Equal(new MergeStatistics(1, 0, 0, 0), merge);
    }

    [Fact]
    public void A_release_that_waits_goes_on_as_soon_as_its_address_is_live()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Free(800, 0x1000);
        writer.Thread(1).Malloc(1600, 0x1000, 32).Malloc(2400, 0x2000, 32);
        writer.Save();

        Assert.Equal([CallKind.Malloc, CallKind.Free, CallKind.Malloc], ReadAll(out _).Select(e => e.Kind));
    }

    /// <summary>Thread 0 releases what it acquires but the third, which it gives thread 1, whose release is stamped in the life of the first.</summary>
    [Fact]
    public void A_release_that_is_stamped_in_the_life_of_a_block_before_waits_for_its_own()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Malloc(800, 0x1000, 1).Free(880, 0x1000).Malloc(960, 0x1000, 2).Free(1040, 0x1000).Malloc(1120, 0x1000, 3);
        writer.Thread(1).Free(840, 0x1000);
        writer.Save();

        List<TraceEvent> events = ReadAll(out MergeStatistics merge);

        Assert.Equal([0, 0, 0, 0, 0, 1], events.Select(e => e.Thread));
        Assert.Equal(2, events[^1].Object);
        Assert.Equal((0, 0), (merge.ForcedSteps, merge.UnknownReleases));
    }

    /// <summary>The acquirer releases the address next because the block came back to it.</summary>
    [Fact]
    public void A_release_by_another_thread_is_of_the_block_where_that_thread_gives_another_back()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Malloc(800, 0x1000, 1).Free(1200, 0x1000);
        writer.Thread(1).Free(880, 0x1000).Malloc(960, 0x1000, 2);
        writer.Save();

        List<TraceEvent> events = ReadAll(out MergeStatistics merge);

        Assert.Equal([0, 1, 1, 0], events.Select(e => e.Thread));
        Assert.Equal([0L, 0L, 1L, 1L], events.Select(e => e.Object));
        Assert.Equal(default, merge);
    }

    [Fact]
    public void A_release_by_another_thread_is_of_the_block_where_a_third_one_acquires_the_next()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Malloc(800, 0x1000, 1).Free(1200, 0x1000);
        writer.Thread(1).Free(880, 0x1000);
        writer.Thread(2).Malloc(960, 0x1000, 2);
        writer.Save();

        Assert.Equal([(0, 0L), (1, 0L), (2, 1L), (0, 1L)], ReadAll(out MergeStatistics merge).Select(e => (e.Thread, e.Object)));
        Assert.Equal(default, merge);
    }

    [Fact]
    public void A_reallocation_by_another_thread_that_fails_gives_the_acquirer_its_block_back()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Malloc(800, 0x1000, 1).Free(1200, 0x1000);
        writer.Thread(1).Realloc(880, 960, 0x1000, 0, ulong.MaxValue);
        writer.Save();

        Assert.Equal([0, 1, 1, 0], ReadAll(out MergeStatistics merge).Select(e => e.Thread));
        Assert.Equal(default, merge);
    }

    /// <summary>The acquirer's release is too late to be of the same moment: then the block is released twice, and that is counted.</summary>
    [Fact]
    public void No_release_waits_for_what_its_stamp_cannot_be_wrong_by()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Malloc(800, 0x1000, 1).Free(880 + OwnershipMerge.SkewNs, 0x1000);
        writer.Thread(1).Free(840, 0x1000);
        writer.Save();

        List<TraceEvent> events = ReadAll(out MergeStatistics merge);

        Assert.Equal([0, 1, 0], events.Select(e => e.Thread));
        Assert.Equal((1, 1), (merge.ForcedSteps, merge.UnknownReleases));
    }

    [Fact]
    public void Of_events_that_are_looked_at_ahead_none_is_lost()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Malloc(800, 0x1000, 1);
        for (int i = 0; i < 200; i++) // more than are looked at
            writer.Thread(0).Malloc(808, 0x2000 + 16 * (ulong)i, 1);
        writer.Thread(0).Free(816, 0x1000);
        writer.Thread(1).Free(808, 0x1000).Malloc(824, 0x9000, 1);
        writer.Save();

        List<TraceEvent> events = ReadAll(out _);

        Assert.Equal(204, events.Count);
        Assert.Equal(202, events.Count(e => e.Thread == 0));
        Assert.Equal(Enumerable.Range(0, 200).Select(i => 0x2000 + 16 * (ulong)i), events.Select(e => e.Address).Where(a => a is >= 0x2000 and < 0x9000));
    }

    /// <summary>Thread 1 begins to wait for the block later, as it waited for another before.</summary>
    [Fact]
    public void Of_two_that_wait_for_an_address_the_earlier_by_time_goes_on()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Free(800, 0x1000);
        writer.Thread(1).Free(400, 0x2000).Free(480, 0x1000);
        writer.Thread(2).Malloc(1600, 0x2000, 8).Malloc(1680, 0x1000, 8).Malloc(1760, 0x1000, 8);
        writer.Save();

        Assert.Equal([2, 1, 2, 1, 2, 0], ReadAll(out MergeStatistics merge).Select(e => e.Thread));
        Assert.Equal(0, merge.ForcedSteps);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(8, 1)]
    public void A_wait_ends_when_time_is_further_than_the_bound(long beyond, long forced)
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Free(800, 0x1000);
        writer.Thread(1).Malloc(800 + OwnershipMerge.ParkBoundNs + beyond, 0x1000, 8);
        writer.Save();

        _ = ReadAll(out MergeStatistics merge);
        Assert.Equal(forced, merge.ForcedSteps);
    }

    [Fact]
    public void The_address_of_a_block_of_an_earlier_interval_is_free()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Malloc(800, 0x1000, 8).Interval(2).Malloc(1600, 0x1000, 8);
        writer.Save();

        List<TraceEvent> events = ReadAll(out MergeStatistics merge);
        Assert.Equal(0, events[1].DisplacedObject);
        Assert.Equal(new MergeStatistics(0, 0, 0, 0, 1, 0), merge);
    }

    [Fact]
    public void A_release_whose_acquisition_is_missing_is_forced_and_counted()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Free(100, 0x9000).Malloc(200, 0x1000, 8);
        writer.Thread(1).Malloc(5_000_000, 0x2000, 8);
        writer.Save();

        List<TraceEvent> events = ReadAll(out MergeStatistics merge);

        Assert.Equal([CallKind.Free, CallKind.Malloc, CallKind.Malloc], events.Select(e => e.Kind));
        Assert.Equal(TraceEvent.NoObject, events[0].Object);
        Assert.Equal(new MergeStatistics(1, 1, 1, 0), merge);
    }

    [Fact]
    public void An_address_acquired_twice_displaces_the_older_object()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Malloc(100, 0x1000, 8).Malloc(200, 0x1000, 16);
        writer.Save();

        List<TraceEvent> events = ReadAll(out MergeStatistics merge);

        Assert.Equal(0, events[1].DisplacedObject);
        Assert.Equal(1, merge.ImplicitReleases);
    }

    [Fact]
    public void The_old_block_of_a_realloc_is_free_for_others_between_begin_and_end()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Malloc(100, 0x1000, 8).Realloc(200, 600, 0x1000, 0x5000, 100);
        writer.Thread(1).Malloc(400, 0x1000, 8);
        writer.Save();

        List<TraceEvent> events = ReadAll(out MergeStatistics merge);

        Assert.Equal([0L, 0L, 1L, 2L], events.Select(e => e.Object));
        Assert.Equal(0, events[3].PreviousObject);
        Assert.Equal([-1L, -1L, -1L, 0L], events.Select(e => e.ReleasedObject));
        Assert.Equal(100UL, events[3].Size);
        Assert.Equal(default, merge);
    }

    [Fact]
    public void A_failed_realloc_keeps_its_old_block()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Malloc(100, 0x1000, 8).Realloc(200, 300, 0x1000, 0, ulong.MaxValue).Free(400, 0x1000);
        writer.Save();

        List<TraceEvent> events = ReadAll(out MergeStatistics merge);

        Assert.Equal([0L, 0L, 0L, 0L], events.Select(e => e.Object));
        Assert.Equal([-1L, -1L, -1L, 0L], events.Select(e => e.ReleasedObject));
        Assert.Equal(default, merge);
    }

    [Fact]
    public void A_release_that_waits_for_a_realloc_to_fail_goes_on_as_soon_as_it_has()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Malloc(100, 0x1000, 8).Realloc(200, 600, 0x1000, 0, ulong.MaxValue).Malloc(800, 0x2000, 8);
        writer.Thread(1).Free(400, 0x1000);
        writer.Save();

        List<TraceEvent> events = ReadAll(out MergeStatistics merge);

        Assert.Equal([CallKind.Malloc, CallKind.ReallocBegin, CallKind.ReallocEnd, CallKind.Free, CallKind.Malloc], events.Select(e => e.Kind));
        Assert.Equal(0, events[3].Object);
        Assert.Equal(new MergeStatistics(1, 0, 0, 0), merge);
    }

    [Fact]
    public void What_a_forked_process_releases_for_its_parent_is_counted_apart_and_is_no_forced_step()
    {
        var writer = new RecordingWriter(_directory.Path) { Forked = true };
        writer.Thread(0).Free(100, 0x9000).Malloc(200, 0x1000, 8).Malloc(3_000_000, 0x1000, 8);
        writer.Thread(1).Malloc(5_000_000, 0x2000, 8).Realloc(6_000_000, 6_000_800, 0x8000, 0x3000, 8);
        writer.Thread(2).Malloc(9_000_000, 0x4000, 8);
        writer.Save();

        ReadAll(out MergeStatistics merge);

        // The address that is taken twice is still in doubt.
        Assert.Equal((0, 2, 1, 1), (merge.UnknownReleases, merge.InheritedReleases, merge.ForcedSteps, merge.ImplicitReleases));
    }

    [Fact]
    public void Realloc_to_zero_bytes_that_returns_null_has_freed()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Malloc(100, 0x1000, 8).Realloc(200, 300, 0x1000, 0, 0).Malloc(400, 0x1000, 8);
        writer.Save();

        List<TraceEvent> events = ReadAll(out MergeStatistics merge);

        Assert.Equal([0L, 0L, TraceEvent.NoObject, 1L], events.Select(e => e.Object));
        Assert.Equal(default, merge);
    }

    [Fact]
    public void A_realloc_that_returns_a_live_address_names_both_the_old_and_the_displaced_object()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Malloc(100, 0x1000, 8).Malloc(200, 0x2000, 16).Realloc(300, 400, 0x1000, 0x2000, 32);
        writer.Save();

        TraceEvent end = ReadAll(out MergeStatistics merge)[^1];

        Assert.Equal((2L, 0L, 1L), (end.Object, end.PreviousObject, end.DisplacedObject));
        Assert.Equal(1, merge.ImplicitReleases);
        using TraceReader reader = TraceReader.Open(_directory.Path);
        Assert.Equal(1, TraceStatistics.Of(reader).LiveBlocks);
    }

    [Fact]
    public void The_end_of_a_realloc_without_its_begin_is_an_acquisition_of_unknown_size()
    {
        var writer = new RecordingWriter(_directory.Path);
        writer.Thread(0).Malloc(100, 0x1000, 8).Realloc(200, 300, 0x1000, 0x2000, 99).Event(400, CallKind.ReallocEnd, 0x3000);
        writer.Save();

        TraceEvent end = ReadAll(out _)[^1];

        Assert.Equal((2L, TraceEvent.NoObject, 0UL), (end.Object, end.PreviousObject, end.Size));
    }

    [Fact]
    public void Every_kind_with_every_field_survives_a_round_trip_across_chunks()
    {
        var writer = new RecordingWriter(_directory.Path);
        var thread = writer.Thread(0);
        long ns = 0;
        foreach (CallKind kind in Enum.GetValues<CallKind>())
        {
            thread.Event(ns += 80, kind, 0x7f00_0000_0001 + (ulong)kind * 977, ulong.MaxValue - (ulong)kind, 3, 64, otherThread: 0);
            if (ns % 400 == 0)
                thread.Flush();
        }
        writer.Save();

        using TraceReader reader = TraceReader.Open(_directory.Path);
        foreach (CallKind kind in Enum.GetValues<CallKind>())
        {
            Assert.True(reader.Read(out TraceEvent e));
            CallFields fields = CallKinds.Fields(kind)!.Value;
            Assert.Equal(kind, e.Kind);
            Assert.Equal((fields & CallFields.Address) != 0 ? 0x7f00_0000_0001 + (ulong)kind * 977 : 0, e.Address);
            Assert.Equal((fields & CallFields.Alignment) != 0 ? 64UL : 0, e.Alignment);
            Assert.Equal((fields & CallFields.Thread) != 0 ? 0 : -1, e.OtherThread);
        }
        Assert.False(reader.Read(out _));
        Assert.Null(reader.Damage);
    }

    private List<TraceEvent> ReadAll(out MergeStatistics merge)
    {
        using TraceReader reader = TraceReader.Open(_directory.Path);
        var events = new List<TraceEvent>();
        while (reader.Read(out TraceEvent e))
            events.Add(e);
        Assert.Null(reader.Damage);
        merge = reader.Merge;
        return events;
    }
}
