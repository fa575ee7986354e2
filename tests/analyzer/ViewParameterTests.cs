using System.Text.RegularExpressions;
using AllocReplay.Analyzer;
using AllocReplay.Analyzer.Query;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Analyzer;

public sealed partial class ViewParameterTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Every_view_has_its_defaults_in_each_place_of_a_parameter_and_declares_all_that_it_has()
    {
        foreach (NamedView view in NamedView.All)
        {
            Assert.Equal(view.Sql, view.With(view.Parameters.Select(p => $"{p.Name}={p.Default}")));
            Assert.Equal(view.Parameters.Select(p => p.Name).Order(), Places().Matches(view.Sql).Select(m => m.Groups[1].Value).Distinct().Order());
        }
        Assert.Contains(NamedView.All, v => v.Parameters.Count > 1);
    }

    [Theory]
    [InlineData("bytes", "0", "0")]
    [InlineData("bytes", "1M", "1048576")]
    [InlineData("bytes", "3k", "3072")]
    [InlineData("time", "0s", "0")]
    [InlineData("time", "5s", "5000000000")]
    [InlineData("time", "1.5ms", "1500000")]
    [InlineData("time", "7ns", "7")]
    [InlineData("time", "2", "2000000000")]
    [InlineData("time", "2m", "120000000000")]
    [InlineData("count", "17", "17")]
    [InlineData("ratio", "5%", "0.05")]
    [InlineData("ratio", "0.25", "0.25")]
    [InlineData("ratio", "1", "1.0")]
    [InlineData("text", "it's; DROP --", "'it''s; DROP --'")]
    public void A_value_becomes_a_literal(string type, string value, string literal) => Assert.Equal(literal, Parameter(type).LiteralOf(value));

    [Theory]
    [InlineData("bytes", "")]
    [InlineData("bytes", "1X")]
    [InlineData("bytes", "-1")]
    [InlineData("bytes", "9999999999T")]
    [InlineData("bytes", "0 OR 1=1")]
    [InlineData("time", "none")]
    [InlineData("time", "1e3s")]
    [InlineData("time", "-1s")]
    [InlineData("time", "9999999h")]
    [InlineData("count", "1.5")]
    [InlineData("count", "1M")]
    [InlineData("ratio", "2")]
    [InlineData("ratio", "101%")]
    [InlineData("ratio", "NaN")]
    public void A_value_that_is_none_is_told_in_one_line(string type, string value)
    {
        string message = Assert.Throws<QueryException>(() => Parameter(type).LiteralOf(value)).Message;
        Assert.StartsWith($"x={value}: expected ", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void A_text_is_a_literal_whatever_is_in_it()
    {
        string value = "'; DROP VIEW a; --$1$& /*:x*/'' /*:y*/";
        ViewParameter text = Parameter("text");
        SampleTrace.Write(_directory["trace"]);
        SampleTrace.Analyze(_directory["trace"], _directory["data"]);
        using DatasetQuery query = DatasetQuery.Open(_directory["data"]);
        using QueryResult result = query.Run(ViewParameter.PutInto("SELECT /*:x*/'it''s' AS a, /*:y*/1 AS b, /*:x*/0 AS c",
            new Dictionary<string, string> { ["x"] = text.LiteralOf(value), ["y"] = "2" }), QueryForm.Text);
        Assert.Equal([value, "2", value], result.ReadRow()!);
    }

    [Fact]
    public void A_wrong_name_lists_those_that_there_are()
    {
        NamedView suspects = NamedView.Find("leak_suspects");
        Assert.Equal("the view leak_suspects has no parameter size; leak_suspects has min_bytes (bytes, default 0), tolerance (ratio, default 0.05)",
            Assert.Throws<QueryException>(() => suspects.With(["size=1"])).Message);
        Assert.Contains("expected name=value", Assert.Throws<QueryException>(() => suspects.With(["min_bytes"])).Message, StringComparison.Ordinal);
        Assert.EndsWith("outstanding has no parameters", Assert.Throws<QueryException>(() => NamedView.Find("outstanding").With(["x=1"])).Message,
            StringComparison.Ordinal);
    }

    private static ViewParameter Parameter(string type) => ViewParameter.Of($"-- What.\n-- :x {type} = 0: Meaning.\n")[0];

    [GeneratedRegex(@"/\*:(\w+)\*/")]
    private static partial Regex Places();
}
