using AllocReplay.Analyzer.Query;
using AllocReplay.Cli.Prompt;
using DuckDB.NET.Data;

namespace AllocReplay.Tests.Cli;

/// <summary>Where statements end in what is typed at a prompt: as the engine's own parser has it.</summary>
public sealed class InputSplitterTests
{
    private const int Seed = 20_260_715;

    [Theory]
    [InlineData("SELECT 1;", "SELECT 1", "")]
    [InlineData("SELECT 1", "", "SELECT 1")]
    [InlineData("a; b;\nc", "a|b", "\nc")]
    [InlineData("a;;  ; b;", "a|b", "")]
    [InlineData("SELECT ';' ;", "SELECT ';'", "")]
    [InlineData("SELECT 'it''s;' ; x", "SELECT 'it''s;'", " x")]
    [InlineData("SELECT ';", "", "SELECT ';")]
    [InlineData("SELECT 'a\n;\nb';", "SELECT 'a\n;\nb'", "")]
    [InlineData("SELECT \";\"\"\" FROM t;", "SELECT \";\"\"\" FROM t", "")]
    [InlineData("SELECT 1 -- no; yet", "", "SELECT 1 -- no; yet")]
    [InlineData("SELECT 1 -- no; yet\n;", "SELECT 1 -- no; yet", "")]
    [InlineData("SELECT /* ; */ 1;", "SELECT /* ; */ 1", "")]
    [InlineData("SELECT /* /* ; */ ; */ 1;", "SELECT /* /* ; */ ; */ 1", "")]
    [InlineData("SELECT /* ; ", "", "SELECT /* ; ")]
    [InlineData("SELECT e'\\';' ;", "SELECT e'\\';'", "")]
    [InlineData("SELECT date'1;' ;", "SELECT date'1;'", "")]
    [InlineData("SELECT $$;$$, $a$ $$;' $a$;", "SELECT $$;$$, $a$ $$;' $a$", "")]
    [InlineData("SELECT a$1;", "SELECT a$1", "")]
    [InlineData("SELECT $1;", "SELECT $1", "")]
    [InlineData("a; -- done", "a", "")]
    [InlineData("-- nothing", "", "")]
    [InlineData(" \n\t", "", "")]
    [InlineData("/* begun", "", "/* begun")]
    [InlineData(".tables", "!.tables", "")]
    [InlineData("  .format csv \nSELECT 1;\n.quit", "!.format csv|SELECT 1|!.quit", "")]
    [InlineData("SELECT 1;.tables", "SELECT 1|!.tables", "")]
    [InlineData("SELECT 1\n.5;", "SELECT 1\n.5", "")]
    [InlineData("help", "!help", "")]
    [InlineData(" EXIT; ", "!EXIT", "")]
    [InlineData("quit now", "", "quit now")]
    public void Statements_end_at_semicolons_and_commands_with_their_line(string text, string parts, string rest)
    {
        SplitInput split = InputSplitter.Split(text);
        Assert.Equal((parts, rest), (string.Join('|', split.Parts.Select(p => (p.IsCommand ? "!" : "") + p.Text)), split.Rest));
    }

    [Theory]
    [InlineData("SELECT si", true)]
    [InlineData("SELECT 'si", false)]
    [InlineData("SELECT \"si", false)]
    [InlineData("SELECT -- si", false)]
    [InlineData("SELECT -- si\n", true)]
    [InlineData("SELECT /* si", false)]
    [InlineData("SELECT /* si */", true)]
    public void Names_stand_in_no_text_and_no_comment(string text, bool isCode) => Assert.Equal(isCode, InputSplitter.IsCode(text));

    /// <summary>Random pieces put together: where the engine can parse the whole, it finds as many statements.</summary>
    [Fact]
    public void The_engine_finds_as_many_statements()
    {
        string[] pieces = ["SELECT 1", "SELECT 'a;b' ", "SELECT 2;", "SELECT /* ; */ 3;", "SELECT $$;$$;", "SELECT e'\\';';",
            "SELECT 4 AS \";\" -- ;\n;", ";", ";",
            "'", "\"", "--", "\n", "/*", "*/", "$$", "$t$", "e'", "\\", " ", "-- x;\n", "1", " AS b"];
        var random = new Random(Seed);
        using var connection = new DuckDBConnection("DataSource=:memory:");
        connection.Open();
        int parsed = 0, several = 0;
        for (int i = 0; i < 20_000; i++)
        {
            string text = string.Concat(Enumerable.Range(0, random.Next(1, 9)).Select(_ => pieces[random.Next(pieces.Length)])) + ";";
            SplitInput split = InputSplitter.Split(text);
            using StatementList engine = StatementList.Parse(connection, text);
            if (engine.Error is not null)
                continue;
            int begun = split.Rest.Length > 0 && !IsBlank(connection, split.Rest) ? 1 : 0;
            Assert.True(engine.Count == split.Parts.Count + begun,
                $"seed {Seed}: {text} is {engine.Count} statements, split: {string.Join(" | ", split.Parts)}");
            parsed++;
            several += engine.Count > 1 ? 1 : 0;
        }
        Assert.True(parsed > 1000 && several > 100, $"{parsed} parsed, {several} of several statements");
    }

    private static bool IsBlank(DuckDBConnection connection, string text)
    {
        using StatementList rest = StatementList.Parse(connection, text);
        return rest.Error is null && rest.Count == 0;
    }
}
