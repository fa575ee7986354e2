using AllocReplay.Analyzer.Query;
using AllocReplay.Formats;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Analyzer;

/// <summary>The dataset of a sample: what its blocks stand for, block by block, by site and in all.</summary>
public sealed class SampledDatasetTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(SampleScheme.Bytes)]
    [InlineData(SampleScheme.Blocks)]
    public void Estimates_are_sums_of_weights(SampleScheme scheme)
    {
        var sampling = new Sampling(scheme, 4096);
        using DatasetQuery query = Query(scheme, sampling.Mean);
        foreach (object?[] row in query.Run("SELECT size, weight FROM allocations").ReadRows())
            Assert.Equal(sampling.Weight((ulong)(long)row[0]!), (double)row[1]!, 1e-9);

        const string weighed = "sum(weight), sqrt(sum((weight - 1) * weight)), sum(weight * size), sqrt(sum((weight - 1) * weight * size * size)), "
            + "coalesce(sum(weight) FILTER (end_kind = 'alive_at_end'), 0), "
            + "coalesce(sqrt(sum((weight - 1) * weight * size * size) FILTER (end_kind = 'alive_at_end')), 0)";
        const string estimated = "estimated_blocks, estimated_blocks_error, estimated_bytes, estimated_bytes_error, estimated_live_blocks, "
            + "estimated_live_bytes_error";
        AssertNear($"SELECT {weighed} FROM allocations", $"SELECT {estimated} FROM process");
        AssertNear($"SELECT {weighed} FROM allocations GROUP BY site ORDER BY site", $"SELECT {estimated} FROM sites WHERE blocks > 0 ORDER BY site");
        AssertNear("SELECT estimated_live_bytes FROM process", "SELECT sum(weight * size) FROM allocations WHERE end_kind = 'alive_at_end'");
        Assert.Equal([4096L, scheme == SampleScheme.Bytes ? "bytes" : "blocks"], query.Run("SELECT sample, sample_scheme FROM process").ReadRow()!);

        // By bytes a small block stands for more: the site of many small ones is not behind the one of a few large ones.
        object?[] first = query.Run("SELECT function, share, estimated_bytes, bytes FROM top_sites").ReadRow()!;
        Assert.Equal(scheme == SampleScheme.Bytes ? "small" : "large", first[0]);
        Assert.True((double)first[2]! > (long)first[3]!);
        Assert.Equal(1, query.Run("SELECT share FROM top_sites").ReadRows().Sum(r => (double)r[0]!), 1e-9);
        Assert.Equal("small", query.Run("SELECT function FROM outstanding_by_site ORDER BY estimated_live_blocks DESC").ReadRow()![0]);

        void AssertNear(string one, string other)
        {
            double[][] left = Numbers(one), right = Numbers(other);
            Assert.Equal(left.Length, right.Length);
            foreach ((double a, double b) in left.Zip(right).SelectMany(r => r.First.Zip(r.Second)))
                Assert.InRange(b, a - 1e-9 * Math.Abs(a), a + 1e-9 * Math.Abs(a));
        }

        double[][] Numbers(string sql) => [.. query.Run(sql).ReadRows().Select(r => r.Select(v => Convert.ToDouble(v)).ToArray())];
    }

    /// <summary>Of addresses there is a weight and no error.</summary>
    [Fact]
    public void An_error_that_nobody_knows_is_said_to_be_none()
    {
        using DatasetQuery query = Query(SampleScheme.Addresses, 64);
        Assert.Equal(["addresses", -1.0, -1.0], query.Run("SELECT sample_scheme, estimated_blocks_error, estimated_live_bytes_error FROM process").ReadRow()!);
        Assert.Equal([64.0], query.Run("SELECT DISTINCT weight FROM allocations").ReadRow()!);
    }

    [Fact]
    public void Where_all_is_recorded_nothing_is_estimated()
    {
        using DatasetQuery query = Query(SampleScheme.Blocks, 1);
        Assert.Equal(["", 1.0], query.Run("SELECT sample_scheme, (SELECT max(weight) FROM allocations) FROM process").ReadRow()!);
        Assert.Equal([0L], query.Run("SELECT count(*) FROM sites WHERE estimated_bytes <> bytes OR estimated_live_bytes_error <> 0").ReadRow()!);
    }

    private DatasetQuery Query(SampleScheme scheme, uint mean)
    {
        var blocks = new PlannedBlocks { Sample = mean, SampleScheme = scheme };
        for (int i = 1; i <= 20; i++)
            blocks.Add("small", 10 + i, i, i % 4 == 0 ? null : 60);
        blocks.Add("large", 60_000, 21).Add("large", 9_000, 22, 50).Analyze(_directory["data"]);
        return DatasetQuery.Open(_directory["data"]);
    }
}
