using AllocReplay.Analyzer.Report;
using AllocReplay.Tests.Support;
using CsCheck;
using DuckDB.NET.Data;

namespace AllocReplay.Tests.Analyzer;

/// <summary>The moments of a report, and the place of the first that is not before a time, as SQL says it.</summary>
public sealed class ReportMomentsTests
{
    private const string Seed = "0000Kq7bT2x9";
    private static readonly int Cases = Effort.Of(200, small: 20);

    [Fact]
    public void A_time_has_the_place_of_the_first_moment_that_is_not_before_it() => Gen
        .Select(Gen.Int[0, 100_000], Gen.Int[0, 110_000], Gen.Int[-5, 100_100].Array[0, 130])
        .Sample(
            (duration, peak, marks) =>
            {
                var moments = new ReportMoments(0, duration, peak, [.. marks.Select(m => (long)m)]);
                Assert.Equal(moments.Ns.Distinct().Order(), moments.Ns);
                Assert.True(moments.Ns[^1] >= duration);
                long[] times = [0, peak, duration, .. moments.Ns.SelectMany(m => new[] { m - 1, m, m + 1 }).Where(t => t >= 0)];
                Assert.Equal(times.Select(t => moments.Ns.Count(m => m < t)), Places(moments.IndexOf("ns"), times));
                Assert.Equal(peak <= moments.Ns[^1] ? peak : -1, moments.PeakIndex is { } at ? moments.Ns[at] : -1);

                bool haveTheirOwn = marks.Distinct().Count() <= ReportMoments.MarksMax;
                Assert.All(marks, m => Assert.True(
                    Math.Abs(moments.Ns[moments.NearestTo(m)] - m) == moments.Ns.Min(n => Math.Abs(n - m))
                    && (!haveTheirOwn || m < 0 || m > moments.Ns[^1] || moments.Ns[moments.NearestTo(m)] == m)));
            },
            seed: Seed, iter: Cases, threads: 1);

    [Theory]
    [InlineData(long.MaxValue)]
    [InlineData(long.MaxValue - 1)]
    [InlineData(long.MaxValue / 2 + 7)]
    public void So_it_is_where_numbers_end(long duration)
    {
        var moments = new ReportMoments(0, duration, duration - 3, [5]);
        Assert.True(moments.Ns[^1] >= duration);
        Assert.Equal(moments.Ns.Distinct().Order(), moments.Ns);
        long[] times = [0, 5, 6, duration - 4, duration - 3, duration - 2, duration];
        Assert.Equal(times.Select(t => moments.Ns.Count(m => m < t)), Places(moments.IndexOf("ns"), times));
    }

    private static int[] Places(string index, long[] times)
    {
        using var connection = new DuckDBConnection("DataSource=:memory:");
        connection.Open();
        using DuckDBCommand command = connection.CreateCommand();
        string list = string.Join(',', times);
        command.CommandText = $"SELECT {index} FROM (SELECT unnest([{list}]::BIGINT[]) AS ns, generate_subscripts([{list}], 1) AS i) ORDER BY i";
        using DuckDBDataReader reader = command.ExecuteReader();
        var places = new List<int>();
        while (reader.Read())
            places.Add(reader.GetInt32(0));
        return [.. places];
    }
}
