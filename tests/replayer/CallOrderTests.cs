using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Scratch;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Replayer;

/// <summary>How many waits there would be without the reduction.</summary>
public sealed class CallOrderTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Spill _spill;

    public CallOrderTests() => _spill = new Spill(_directory.Path);

    public void Dispose()
    {
        _spill.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void In_turn_every_change_of_thread_is_a_wait()
    {
        CallOrder order = CallOrder.Create(ReplayOrder.Total, 2, hasLatency: false, _spill);
        int[] threads = [0, 1, 1, 0];
        for (int i = 0; i < threads.Length; i++)
        {
            order.Before(threads[i], i);
            order.Add(new ThreadEvent(CallKind.ThreadExit, threads[i], -1, i, 1, 0), i);
        }
        Assert.Equal(2, order.Unreduced);
    }

    [Fact]
    public void By_objects_a_block_of_another_thread_is_a_wait_also_where_it_is_implied()
    {
        CallOrder order = CallOrder.Create(ReplayOrder.Deps, 2, hasLatency: false, _spill);
        Acquisition first = order.Remember(thread: 0, position: 3), second = order.Remember(thread: 0, position: 4);
        Assert.False(order.IsImplied(second, thread: 1, beginNs: 0));
        Assert.True(order.IsImplied(first, thread: 1, beginNs: 0)); // who knows the later call of a thread knows the earlier one
        Assert.Equal(2, order.Unreduced);
    }
}
