using AllocReplay.Formats.Summary;

namespace AllocReplay.Tests.Formats;

/// <summary>What is missing from a session is added up by its reason.</summary>
public sealed class LossTests
{
    [Fact]
    public void A_reason_has_the_sum_of_its_images()
    {
        IReadOnlyList<Loss> losses = Loss.Of(
        [
            new("p1.0", "", "sh", 100, 3, "disk"), new("p2.0", "", "sh", 50), new("p3.0", "", "sh", 20, 4, null), new("p4.0", "", "sh", 10, 2, "disk"),
            new("p5.0", "", "sh", 0, 0, "limit"),
        ]);

        Assert.Equal([("disk", 5UL), (null, 4UL), ("limit", 0UL)], losses.Select(l => (l.Reason, l.Events)));
        Assert.Equal(["p1.0", "p4.0"], losses[0].Images);
    }

    [Fact]
    public void Nothing_is_missing_where_nothing_was_lost() => Assert.Empty(Loss.Of([new("p1.0", "", "sh", 100)]));

    [Fact]
    public void A_header_that_lies_does_not_overflow_the_sum()
    {
        Loss loss = Assert.Single(Loss.Of([new("p1.0", "", "sh", 9, ulong.MaxValue, "x"), new("p2.0", "", "sh", 8, 7, "x")]));
        Assert.Equal(ulong.MaxValue, loss.Events);
    }
}
