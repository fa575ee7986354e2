using AllocReplay.Analyzer.Tables;
using AllocReplay.Formats.Calls;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Analyzer;

public sealed class LifetimeTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly RecordingWriter _writer;

    public LifetimeTests() => _writer = new RecordingWriter(_directory.Path);

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_freed_block_is_one_row_with_its_threads_and_three_lifetimes()
    {
        _writer.Thread(0).Malloc(800, 0x1000, 32).Malloc(1600, 0x2000, 100).Event(2400, CallKind.Calloc, 0x3000, 10, 5);
        _writer.Thread(1).Free(4000, 0x1000);

        AllocationRow row = Match()[0];

        Assert.Equal(
            new AllocationRow
            {
                Object = 0,
                Address = 0x1000,
                Size = 32,
                Kind = CallKind.Malloc,
                Alignment = 0,
                AllocNs = 800,
                EndNs = 4000,
                EndKind = EndKind.Freed,
                LifetimeNs = 3200,
                LifetimeBytes = 150,
                LifetimeAllocations = 2,
                AllocThread = 0,
                FreeThread = 1,
                Chain = 0,
                ChainPosition = 0,
                AllocCallNs = AllocationRow.NotRecorded,
                FreeCallNs = AllocationRow.NotRecorded,
                Weight = 1,
            },
            row);
    }

    [Fact]
    public void A_block_never_freed_lives_to_the_end_of_the_trace()
    {
        _writer.Thread(0).Malloc(800, 0x1000, 32);
        _writer.Thread(1).Event(8000, CallKind.ThreadExit);

        AllocationRow row = Assert.Single(Match());

        Assert.Equal((EndKind.AliveAtEnd, 8000, 7200, -1), (row.EndKind, row.EndNs, row.LifetimeNs, row.FreeThread));
    }

    [Fact]
    public void An_address_taken_again_without_a_free_ends_the_older_block_as_lost_free()
    {
        _writer.Thread(0).Malloc(800, 0x1000, 8).Malloc(1600, 0x1000, 16);

        List<AllocationRow> rows = Match();

        Assert.Equal((EndKind.LostFree, 1600L, -1, 0L), (rows[0].EndKind, rows[0].EndNs, rows[0].FreeThread, rows[0].LifetimeAllocations));
        Assert.Equal(EndKind.AliveAtEnd, rows[1].EndKind);
    }

    [Fact]
    public void A_realloc_that_returns_an_address_still_live_ends_that_block_as_lost_free_too()
    {
        _writer.Thread(0).Malloc(800, 0x1000, 8).Malloc(1600, 0x2000, 16).Realloc(2400, 3200, 0x1000, 0x2000, 64).Free(4000, 0x2000);

        List<AllocationRow> rows = Match();

        Assert.Equal([EndKind.Reallocated, EndKind.LostFree, EndKind.Freed], rows.Select(r => r.EndKind));
        Assert.Equal([0L, 1L, 0L], rows.Select(r => r.Chain));
    }

    [Fact]
    public void Reallocations_form_a_chain_and_the_old_block_ends_when_the_call_begins()
    {
        _writer.Thread(0).Malloc(800, 0x1000, 8).Realloc(1600, 4800, 0x1000, 0x2000, 80).Realloc(5600, 6400, 0x2000, 0x2000, 800).Free(7200, 0x2000);
        _writer.Thread(1).Malloc(3200, 0x1000, 5); // takes the old address while the call is under way

        List<AllocationRow> rows = Match();

        Assert.Equal([(0L, 0), (1L, 0), (0L, 1), (0L, 2)], rows.Select(r => (r.Chain, r.ChainPosition)));
        Assert.Equal(
            [EndKind.Reallocated, EndKind.AliveAtEnd, EndKind.Reallocated, EndKind.Freed],
            rows.Select(r => r.EndKind));
        Assert.Equal((1600L, 0L, 0L, 0), (rows[0].EndNs, rows[0].LifetimeBytes, rows[0].LifetimeAllocations, rows[0].FreeThread));
        Assert.Equal(["malloc", "malloc", "realloc", "realloc"], rows.Select(r => CallKinds.CallName(r.Kind)));
    }

    [Fact]
    public void A_failed_realloc_leaves_its_block_as_it_was()
    {
        _writer.Thread(0).Malloc(800, 0x1000, 8).Realloc(1600, 2400, 0x1000, 0, ulong.MaxValue).Free(3200, 0x1000);

        AllocationRow row = Assert.Single(Match());

        Assert.Equal((EndKind.Freed, 3200L, 8L), (row.EndKind, row.EndNs, row.Size));
    }

    [Fact]
    public void Realloc_to_zero_bytes_that_returns_null_is_a_free()
    {
        _writer.Thread(0).Malloc(800, 0x1000, 8);
        _writer.Thread(1).Realloc(1600, 2400, 0x1000, 0, 0);

        AllocationRow row = Assert.Single(Match());

        Assert.Equal((EndKind.Freed, 1600L, 1), (row.EndKind, row.EndNs, row.FreeThread));
    }

    [Fact]
    public void Realloc_of_null_or_of_an_unseen_block_begins_a_chain()
    {
        _writer.Thread(0).Realloc(800, 1600, 0, 0x1000, 8).Realloc(2400, 3200, 0x9000, 0x2000, 8);
        _writer.Thread(1).Malloc(9_000_000, 0x3000, 8); // moves the merge past the bound, so that the unseen block is given up on

        List<AllocationRow> rows = Match();

        Assert.Equal([(0L, 0), (1L, 0), (2L, 0)], rows.Select(r => (r.Chain, r.ChainPosition)));
    }

    [Fact]
    public void A_block_inside_realloc_when_the_trace_ends_is_still_live()
    {
        _writer.Thread(0).Malloc(800, 0x1000, 8).Event(1600, CallKind.ReallocBegin, 0x1000, 100);

        AllocationRow row = Assert.Single(Match());

        Assert.Equal((EndKind.AliveAtEnd, 1600L), (row.EndKind, row.EndNs));
    }

    [Fact]
    public void A_realloc_whose_end_was_lost_ends_its_block_as_lost_free()
    {
        _writer.Thread(0).Malloc(800, 0x1000, 8).Malloc(1600, 0x2000, 8)
            .Event(2400, CallKind.ReallocBegin, 0x1000, 100).Realloc(3200, 4000, 0x2000, 0x2000, 9);

        List<AllocationRow> rows = Match();

        Assert.Equal([EndKind.LostFree, EndKind.Reallocated, EndKind.AliveAtEnd], rows.Select(r => r.EndKind));
        Assert.Equal(2400, rows[0].EndNs);
    }

    [Fact]
    public void Sizes_beyond_the_signed_range_saturate_and_lifetimes_are_never_negative()
    {
        _writer.Thread(0).Event(8000, CallKind.AlignedAlloc, 0x1000, ulong.MaxValue, alignment: 64);
        _writer.Thread(1).Free(7200, 0x1000); // stamped before the acquisition that it depends on

        AllocationRow row = Assert.Single(Match());

        Assert.Equal((long.MaxValue, 64L, 0L, 7200L), (row.Size, row.Alignment, row.LifetimeNs, row.EndNs));
    }

    [Fact]
    public void Where_latency_was_recorded_a_block_has_the_durations_of_both_its_calls()
    {
        var writer = new RecordingWriter(_directory["latency"]) { Latency = true };
        writer.Thread(0)
            .Event(800, CallKind.Malloc, 0x1000, 8, duration: 10)       // object 0, reallocated
            .Event(1600, CallKind.Malloc, 0x2000, 8)                    // object 1, never freed; its call took no time that the clock can tell
            .Event(2400, CallKind.ReallocBegin, 0x1000, 100)
            .Event(3200, CallKind.ReallocEnd, 0x3000, duration: 30);    // object 2, freed
        writer.Thread(1).Event(4000, CallKind.Free, 0x3000, duration: 40);
        writer.Save();

        long Ns(ulong ticks) => (long)ticks << RecordingWriter.TickShift;
        Assert.Equal(
            [(Ns(10), Ns(30)), (0, AllocationRow.NotRecorded), (Ns(30), Ns(40))],
            Rows.Of(_directory["latency"]).Select(r => (r.AllocCallNs, r.FreeCallNs)));
    }

    [Fact]
    public void Failed_calls_and_frees_of_null_or_unseen_blocks_are_no_rows()
    {
        _writer.Thread(0).Malloc(800, 0, 8).Free(1600, 0).Free(2400, 0x9000).Realloc(3200, 4000, 0, 0, 8);

        Assert.Empty(Match());
    }

    private List<AllocationRow> Match()
    {
        _writer.Save();
        return Rows.Of(_directory.Path);
    }
}
