using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Plan;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Replayer;

public sealed class PlanTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly RecordingWriter _writer;

    public PlanTests() => _writer = new RecordingWriter(_directory.Path);

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_block_of_one_thread_needs_no_flag_and_its_slot_is_used_again()
    {
        _writer.Thread(0).Malloc(100, 0x1000, 32).Free(200, 0x1000).Malloc(300, 0x2000, 64).Free(400, 0x2000);

        PlanOp[] ops = Compile(out _).Of(0);

        Assert.Equal([CallKind.Malloc, CallKind.Free, CallKind.Malloc, CallKind.Free], ops.Select(o => (CallKind)o.Code));
        Assert.All(ops, o => Assert.Equal(PlanFlags.None, o.Flags));
        Assert.Single(ops.Select(o => o.Slot).Distinct());
        Assert.Equal([32UL, 64UL], ops.Where(o => o.Code == (byte)CallKind.Malloc).Select(o => o.Size));
    }

    [Fact]
    public void A_block_that_crosses_threads_is_published_once_and_awaited_once_in_a_slot_of_its_own()
    {
        _writer.Thread(0).Malloc(100, 0x1000, 32).Malloc(300, 0x1000, 8).Free(500, 0x1000);
        _writer.Thread(1).Free(200, 0x1000);

        PlanFile plan = Compile(out ReplayPlan replay);

        PlanOp acquired = plan.Of(0)[0];
        PlanOp released = plan.Of(1)[0];
        Assert.Equal(PlanFlags.Publish, acquired.Flags);
        Assert.Equal(PlanFlags.Wait, released.Flags);
        Assert.Equal(acquired.Slot, released.Slot);
        Assert.All(plan.Of(0)[1..], o => Assert.NotEqual(acquired.Slot, o.Slot));
        Assert.Equal(1, replay.Counts.CrossThreadBlocks);
    }

    [Fact]
    public void A_thread_is_created_where_its_parent_created_it()
    {
        _writer.Thread(0).Malloc(100, 0x1000, 8).Event(200, CallKind.ThreadCreate, otherThread: 1).Malloc(900, 0x2000, 8);
        _writer.Thread(1).Event(300, CallKind.ThreadStart, otherThread: 0).Malloc(400, 0x3000, 8).Event(500, CallKind.ThreadExit);
        _writer.Thread(2).Malloc(250, 0x4000, 8);

        PlanFile plan = Compile(out ReplayPlan replay);

        Assert.Equal([-1, 0, -1], plan.Threads.Select(t => t.Parent));
        Assert.Equal((PlanCode.Spawn, 1U), (plan.Of(0)[1].Code, plan.Of(0)[1].Slot));
        Assert.Equal([(byte)CallKind.Malloc, PlanCode.Moment], plan.Of(1).Select(o => o.Code));
        Assert.Equal(0, plan.Header.MainThread);
        Assert.Equal(1, replay.Counts.SpawnedThreads);
    }

    [Fact]
    public void A_thread_seen_at_work_before_its_creation_starts_with_the_replay()
    {
        _writer.Thread(0).Event(900, CallKind.ThreadCreate, otherThread: 1);
        _writer.Thread(1).Malloc(100, 0x1000, 8);

        PlanFile plan = Compile(out ReplayPlan replay);

        Assert.Equal(-1, plan.Threads[1].Parent);
        Assert.Empty(plan.Of(0));
        Assert.Equal(1, replay.Counts.UnplacedCreates);
    }

    [Fact]
    public void A_thread_stays_to_the_end_of_the_replay_unless_the_trace_shows_its_end()
    {
        _writer.Thread(0).Malloc(100, 0x1000, 8);
        _writer.Thread(1).Malloc(200, 0x2000, 8).Event(300, CallKind.ThreadExit);
        _writer.Thread(2).Malloc(400, 0x3000, 8);

        PlanFile plan = Compile(out _);

        Assert.Equal(0, plan.Header.MainThread);
        Assert.Equal([PlanThreadFlags.None, PlanThreadFlags.None, PlanThreadFlags.Stays], plan.Threads.Select(t => t.Flags));
    }

    [Fact]
    public void Releases_of_blocks_never_seen_are_skipped_and_counted()
    {
        _writer.Thread(0).Free(100, 0x9000).Realloc(200, 300, 0x9100, 0x1000, 50).Realloc(400, 500, 0x9200, 0, 0);

        PlanFile plan = Compile(out ReplayPlan replay);

        (PlanOp op, PlanOp operand) = Assert.Single(plan.CallsOf(0));
        Assert.Equal((CallKind.ReallocEnd, PlanFormat.NullSlot, 50UL), ((CallKind)op.Code, operand.Slot, op.Size));
        Assert.Equal((2, 1), (replay.Counts.UnknownReleases, replay.Counts.UnknownReallocations));
        Assert.Equal(new ThreadExpectation(1, 50), replay.Expected[0]);
    }

    [Fact]
    public void A_null_pointer_is_released_as_a_null_pointer()
    {
        _writer.Thread(0).Free(100, 0).Event(200, CallKind.DeleteSized, 0, 16);

        PlanFile plan = Compile(out _);

        Assert.Equal([(CallKind.Free, 0U), (CallKind.DeleteSized, 0U)], plan.Of(0).Select(o => ((CallKind)o.Code, o.Slot)));
    }

    [Fact]
    public void A_realloc_moves_its_block_within_and_between_threads()
    {
        _writer.Thread(0).Malloc(100, 0x1000, 8).Realloc(200, 300, 0x1000, 0x2000, 80);
        _writer.Thread(1).Realloc(400, 500, 0x2000, 0x3000, 160).Free(600, 0x3000);

        PlanFile plan = Compile(out _);

        ((PlanOp first, PlanOp firstOperand), (PlanOp second, PlanOp secondOperand)) = (plan.CallsOf(0)[1], plan.CallsOf(1)[0]);
        Assert.Equal(plan.Of(0)[0].Slot, firstOperand.Slot);
        Assert.Equal(PlanFlags.Publish, first.Flags);
        Assert.Equal((PlanFlags.Wait, first.Slot), (second.Flags, secondOperand.Slot));
        Assert.Equal(second.Slot, plan.CallsOf(1)[1].Op.Slot);
    }

    [Fact]
    public void A_failed_realloc_hands_its_old_block_on()
    {
        _writer.Thread(0).Malloc(100, 0x1000, 8).Free(900, 0x1000);
        _writer.Thread(1).Realloc(400, 500, 0x1000, 0, ulong.MaxValue);

        PlanFile plan = Compile(out _);

        (PlanOp failed, PlanOp operand) = Assert.Single(plan.CallsOf(1));
        PlanOp released = plan.Of(0)[1];
        Assert.Equal(PlanFlags.Wait | PlanFlags.Publish | PlanFlags.Failed | PlanFlags.Keep, failed.Flags);
        Assert.Equal(plan.Of(0)[0].Slot, operand.Slot);
        Assert.Equal((PlanFlags.Wait, failed.Slot), (released.Flags, released.Slot));
    }

    [Fact]
    public void A_realloc_to_nothing_that_freed_is_told_from_one_that_failed()
    {
        _writer.Thread(0).Malloc(100, 0x1000, 8).Realloc(200, 300, 0x1000, 0, 0).Realloc(400, 500, 0, 0, 1UL << 60);

        List<(PlanOp Op, PlanOp Operand)> calls = Compile(out _).CallsOf(0);

        Assert.Equal([PlanFlags.None, PlanFlags.Freed, PlanFlags.Failed], calls.Select(c => c.Op.Flags));
    }

    [Fact]
    public void Failed_calls_sizes_of_zero_and_wide_arguments_are_kept()
    {
        _writer.Thread(0).Malloc(100, 0x1000, 0).Malloc(200, 0, ulong.MaxValue)
            .Event(300, CallKind.Calloc, 0x2000, 1, count: 1UL << 33)
            .Event(400, CallKind.PosixMemalign, 0x3000, 100, alignment: 256);

        List<(PlanOp Op, PlanOp Operand)> calls = Compile(out ReplayPlan replay).CallsOf(0);

        Assert.Equal(
            [(0UL, 0UL, PlanFlags.None), (ulong.MaxValue, 0UL, PlanFlags.Failed), (1UL, 1UL << 33, PlanFlags.None), (100UL, 256UL, PlanFlags.None)],
            calls.Select(c => (c.Op.Size, c.Operand.Size, c.Op.Flags)));
        Assert.Equal(4, replay.Counts.Calls);
    }

    [Fact]
    public void A_displaced_block_is_never_released_and_counted()
    {
        _writer.Thread(0).Malloc(100, 0x1000, 8).Malloc(200, 0x1000, 16).Free(300, 0x1000);

        PlanOp[] ops = Compile(out ReplayPlan replay).Of(0);

        Assert.Equal(ops[1].Slot, ops[2].Slot);
        Assert.Equal(1, replay.Counts.DisplacedBlocks);
    }

    [Fact]
    public void A_temporary_plan_goes_and_a_kept_one_stays()
    {
        _writer.Thread(0).Malloc(100, 0x1000, 8);
        _writer.Save();
        ReplayPlan temporary = PlanFile.Compile(_directory.Path);
        Assert.True(File.Exists(temporary.Path));
        temporary.Dispose();
        Assert.False(File.Exists(temporary.Path));
        using (TraceReader reader = TraceReader.Open(_directory.Path))
            ReplayPlan.Compile(reader, keepAs: _directory["kept.plan"]).Dispose();
        Assert.True(File.Exists(_directory["kept.plan"]));
    }

    private PlanFile Compile(out ReplayPlan replay)
    {
        _writer.Save();
        replay = PlanFile.Compile(_directory.Path);
        using (replay)
            return PlanFile.Read(replay.Path);
    }
}
