using AllocReplay.Analyzer.Query;
using AllocReplay.Tests.Support;
using AllocReplay.Tests.Support.Views;
using CsCheck;

namespace AllocReplay.Tests.Analyzer;

/// <summary>Every number of every named view, on random traces of several process images and hosts, as it comes of the calls one by one.</summary>
public sealed class ViewPropertyTests
{
    private const string Seed = "0000Vs3kT1x6";
    private static readonly int Datasets = Effort.OfLong(100, usual: Effort.Of(6, small: 2));

    /// <summary>Process images, and a number for the parameters.</summary>
    internal static Gen<(RandomImage[] Images, int Seed)> AnyDataset { get; } = Gen.Select(RandomImage.Any.Array[2, 6], Gen.Int);

    [Fact]
    public void Every_number_is_that_of_the_calls_one_by_one() => AnyDataset.Sample(
        d =>
        {
            using var dataset = new RandomDataset(d.Images, d.Seed);
            Assert.Equal(NamedView.All.Select(v => v.Name), dataset.Cases.Select(c => c.Name).Distinct().Order(StringComparer.Ordinal));
            foreach (ViewCase view in dataset.Cases)
                Assert.Null(dataset.Difference(view));
        },
        seed: Seed, iter: Datasets, threads: 1);
}
