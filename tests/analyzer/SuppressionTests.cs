using AllocReplay.Analyzer.Check;

namespace AllocReplay.Tests.Analyzer;

/// <summary>Files of suppressions, as LeakSanitizer reads them.</summary>
public sealed class SuppressionTests
{
    [Theory]
    [InlineData("alloc", "my_alloc_buffer", true)]
    [InlineData("alloc", "my_free", false)]
    [InlineData("^my_", "my_alloc", true)]
    [InlineData("^alloc", "my_alloc", false)]
    [InlineData("alloc$", "my_alloc", true)]
    [InlineData("alloc$", "my_alloc_buffer", false)]
    [InlineData("^alloc$", "alloc", true)]
    [InlineData("^alloc$", "alloc ", false)]
    [InlineData("my_*_buffer", "my_alloc_buffer", true)]
    [InlineData("my_*_buffer", "my_buffer", false)]
    [InlineData("^std::*::push_back", "std::vector<int>::push_back(int)", true)]
    [InlineData("*", "anything", true)]
    [InlineData("*", "", false)]
    [InlineData("foo$", "foofoo", true)]
    [InlineData("a.c", "abc", false)]
    [InlineData("operator()(int)", "x::operator()(int)", true)]
    [InlineData("[x]", "x", false)]
    [InlineData("ALLOC", "alloc", false)]
    [InlineData("a*b", "a\nb", true)]
    public void A_pattern_matches_a_part_of_a_name(string pattern, string name, bool matches) =>
        Assert.Equal(matches, Assert.Single(Suppression.Parse("x", [$"leak:{pattern}"])).Matches(name));

    [Fact]
    public void Comments_and_empty_lines_are_passed_over_and_lines_counted()
    {
        IReadOnlyList<Suppression> all = Suppression.Parse("x", ["# a comment", "", "  leak:one  ", "\t# leak:not", "leak:two*"]);
        Assert.Equal([("one", 3), ("two*", 5)], all.Select(s => (s.Pattern, s.Line)));
    }

    [Theory]
    [InlineData("race:x", "f:1: expected leak:PATTERN or a # comment, found race:x")]
    [InlineData("leak:", "f:1: expected a pattern after leak:")]
    [InlineData("leak:^$", "f:1: expected a pattern after leak:")]
    [InlineData("leak:a$b", "f:1: expected nothing behind $, which stands for the end of a name, found b")]
    public void What_is_none_is_said_with_its_line(string line, string message) =>
        Assert.Equal(message, Assert.Throws<SuppressionException>(() => Suppression.Parse("f", [line])).Message);

    [Fact]
    public void No_pattern_takes_long_on_any_name()
    {
        Suppression suppression = Assert.Single(Suppression.Parse("x", [$"leak:{string.Concat(Enumerable.Repeat("a*", 40))}b"]));
        Assert.False(suppression.Matches(new string('a', 100_000)));
    }
}
