using AllocReplay.Formats;
using AllocReplay.Formats.Packed;
using AllocReplay.Replayer;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Replayer;

/// <summary>What a plan takes, told before it is there.</summary>
public sealed class PlanForecastTests : IDisposable
{
    private const int Calls = 20_000;

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(ReplayOrder.Deps, false)]
    [InlineData(ReplayOrder.Exact, false)]
    [InlineData(ReplayOrder.Total, true)]
    public void A_plan_is_as_large_as_was_foreseen(ReplayOrder order, bool isTimed)
    {
        var options = new PlanOptions { Order = order, IsTimed = isTimed };
        using TraceReader reader = TraceReader.Open(Packed());
        PlanForecast forecast = PlanForecast.Of(reader, [options], _directory.Path);
        using ReplayPlan plan = ReplayPlan.Compile(reader, options, token: TestContext.Current.CancellationToken);
        long length = new FileInfo(plan.Path).Length;
        Assert.Equal(2 * Calls, forecast.Events);
        Assert.InRange(length, forecast.LeastBytes, forecast.LikelyBytes);
        forecast.Require();
    }

    [Fact]
    public void Where_there_is_less_room_it_is_said_before()
    {
        using TraceReader reader = TraceReader.Open(Packed());
        PlanForecast forecast = PlanForecast.Of(reader, [new PlanOptions(), new PlanOptions()], _directory.Path);
        var e = Assert.Throws<ReplayException>(() => (forecast with { FreeBytes = forecast.LeastBytes - 1 }).Require());
        Assert.Equal(ReplayFailure.DiskShort, e.Failure);
        Assert.Contains(_directory.Path, e.Message);
        (forecast with { FreeBytes = forecast.LeastBytes }).Require();
    }

    [Fact]
    public void Of_a_recording_that_is_not_packed_no_least_is_known()
    {
        Record();
        using TraceReader reader = TraceReader.Open(_directory["r"]);
        PlanForecast forecast = PlanForecast.Of(reader, [new PlanOptions()], _directory.Path);
        Assert.Equal(0, forecast.LeastBytes);
        Assert.InRange(forecast.Events, Calls, 4 * Calls);
    }

    private string Packed()
    {
        Record();
        TracePacker.Pack(_directory["r"], _directory["t.alloctrace"]);
        return _directory["t.alloctrace"];
    }

    private void Record()
    {
        Directory.CreateDirectory(_directory["r"]);
        var writer = new RecordingWriter(_directory["r"]);
        for (uint i = 0; i < Calls; i++)
            writer.Thread((int)(i / 100 % 2)).Malloc(100 + i * 1000, 0x1000, 32).Free(600 + i * 1000, 0x1000);
        writer.Save();
    }
}
