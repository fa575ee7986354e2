using System.Text.Json;
using AllocReplay.Analyzer.Query;
using AllocReplay.Formats.Calls;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Analyzer;

/// <summary>What <c>info</c> says of a trace and what its dataset says are the same figures, also where the numbers are as large as they get.</summary>
[StartsProcesses]
public sealed class SameTotalsTests : IDisposable
{
    private const ulong Tag = 0xb4UL << 56; // as memory tagging puts it into the top byte: as a signed number the address is negative

    private static readonly string[] Figures = ["acquisitions", "bytes_acquired", "live_blocks", "live_bytes"];

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Of_a_trace_with_ordinary_sizes()
    {
        SampleTrace.Write(_directory["r.allocrec"]);
        AssertSame(liveBytes: 100 + 127);
    }

    [Fact]
    public void Of_addresses_with_tags_in_their_upper_bits()
    {
        var writer = new RecordingWriter(_directory["r.allocrec"]);
        writer.Thread(0).Malloc(800, Tag | 0x1000, 100).Malloc(1600, Tag | 0x2000, 10).Realloc(2400, 3200, Tag | 0x1000, Tag | 0x3000, 1000)
            .Malloc(4000, 0x2000, 7); // the same address without its tag is another
        writer.Thread(1).Free(4800, Tag | 0x2000);
        writer.Save();
        AssertSame(liveBytes: 1007);
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(ByteCount.Max + 1)]
    [InlineData(ByteCount.Max)]
    public void Of_sizes_beyond_what_any_allocator_serves(ulong size)
    {
        var writer = new RecordingWriter(_directory["r.allocrec"]);
        writer.Thread(0).Malloc(800, 0x1000, size).Malloc(1600, 0x2000, 50).Event(2400, CallKind.Calloc, 0x3000, 1UL << 40, count: 1UL << 40)
            .Malloc(3200, 0, ulong.MaxValue).Free(4000, 0x1000).Free(4800, 0x3000);
        writer.Save();
        // What the sum was beyond the greatest number shown is not forgotten when blocks go.
        AssertSame(liveBytes: 50);
    }

    [Fact]
    public void Sums_beyond_the_greatest_number_stay_at_it()
    {
        var writer = new RecordingWriter(_directory["r.allocrec"]);
        writer.Thread(0).Malloc(800, 0x1000, ulong.MaxValue).Malloc(1600, 0x2000, ulong.MaxValue).Malloc(2400, 0x3000, 1);
        writer.Save();
        JsonElement info = AssertSame(ByteCount.Max);
        Assert.Equal(ByteCount.Max, info.GetProperty("peak_live_bytes").GetUInt64());
        Assert.Equal(ByteCount.Max, info.GetProperty("bytes_acquired").GetUInt64());
    }

    private JsonElement AssertSame(ulong liveBytes)
    {
        SampleTrace.Analyze(_directory["r.allocrec"], _directory["data"]);
        using JsonDocument document = JsonDocument.Parse(Programs.AllocReplay("info", "--json", _directory["r.allocrec"]).Output);
        JsonElement info = document.RootElement.Clone();
        Assert.Equal(liveBytes, info.GetProperty("live_bytes").GetUInt64());
        using DatasetQuery query = DatasetQuery.Open(_directory["data"]);
        object?[] rows = query.Run($"""
            SELECT count(*), least(sum(size), {ByteCount.Max})::BIGINT, count(*) FILTER (end_kind = 'alive_at_end'),
                   coalesce(least(sum(size) FILTER (end_kind = 'alive_at_end'), {ByteCount.Max}), 0)::BIGINT
            FROM allocations
            """).ReadRow()!;
        Assert.Equal(Figures, Agreeing(info, rows));
        object?[] threads = query.Run($"SELECT list(bytes_requested ORDER BY thread)[1], sum(calls)::BIGINT FROM threads").ReadRow()!;
        JsonElement first = info.GetProperty("threads")[0];
        Assert.Equal([first.GetProperty("bytes_requested").GetInt64(), info.GetProperty("calls").GetInt64()], threads);
        return info;
    }

    /// <summary>The names of the figures that agree, in order.</summary>
    private static IEnumerable<string> Agreeing(JsonElement info, object?[] rows) =>
        Figures.Where((name, i) => info.GetProperty(name).GetInt64() == Convert.ToInt64(rows[i], System.Globalization.CultureInfo.InvariantCulture));
}
