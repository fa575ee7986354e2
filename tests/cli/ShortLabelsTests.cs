using AllocReplay.Cli.Pages;

namespace AllocReplay.Tests.Cli;

/// <summary>Configurations in tables: short, told apart, and told in full once.</summary>
public sealed class ShortLabelsTests
{
    private const string Heaptrack = "glibc + libheaptrack_preload.so,DUMP_HEAPTRACK_OUTPUT={scratch}/raw";

    [Theory]
    [InlineData("glibc", "glibc")]
    [InlineData("glibc,MALLOC_ARENA_MAX=1", "glibc,MALLOC_ARENA_MAX=1")]
    [InlineData("glibc + record,stacks=auto,sample=512", "glibc + record,…")]
    [InlineData(Heaptrack, "glibc + heaptrack_preload,…")]
    [InlineData("glibc,MALLOC_ARENA_MAX=1 + libheaptrack_preload.so,X=1", "glibc,MALLOC_A…ack_preload,…")]
    [InlineData("jemalloc,MALLOC_CONF=\"dirty_decay_ms:0,narenas:1\"", "jemalloc,MALLO…:0,narenas:1\"")]
    [InlineData("glibc + \"a,b.so\",LONG_VARIABLE_OF_IT=1", "glibc + \"a,b.s…IABLE_OF_IT=1")]
    [InlineData("a\nb", "a⏎b")]
    public void A_label_is_as_it_is_or_as_much_of_it_as_tells_what_it_is(string label, string expected)
    {
        var labels = new ShortLabels([(label, "full"), ("other", "other")]);
        Assert.Equal(expected, labels[label]);
        Assert.Equal(expected.Contains('…', StringComparison.Ordinal) ? [$"{expected} is full"] : Array.Empty<string>(), labels.Legend);
    }

    [Fact]
    public void No_two_are_alike_and_none_is_long()
    {
        string[] all =
        [
            .. Enumerable.Range(0, 12).Select(i => $"glibc + libx.so,A_VARIABLE_THAT_IS_LONG={i}"), // without their settings they are one
            .. Enumerable.Range(0, 12).Select(i => $"jemalloc,MALLOC_CONF=\"narenas:{i},dirty_decay_ms:0,muzzy_decay_ms:0\""),
            "glibc + x,…", new('y', 1 << 16), new string('y', 1 << 16) + "z", string.Concat(Enumerable.Repeat("\U0001F600", 40)),
        ];
        var labels = new ShortLabels(all.Select(l => (l, "full: " + l)));
        string[] brief = [.. all.Select(l => labels[l])];
        Assert.Equal(brief.Length, brief.Distinct().Count());
        Assert.All(brief, l => Assert.InRange(l.Length, 1, ShortLabels.LengthMax));
        Assert.All(brief, l => Assert.DoesNotContain(l, c => char.IsSurrogate(c) && !l.IsNormalized())); // no half of a character
        foreach (string label in all.Where(l => l.Length > ShortLabels.LengthMax))
            Assert.Contains($"{labels[label]} is full: {label}", labels.Legend);
    }
}
