using System.Text.Json;
using AllocReplay.Cli;
using AllocReplay.Cli.Pages;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary><c>report</c>: where its dataset comes from, what it prints, and what it refuses.</summary>
public sealed class ReportCommandTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _runner = new();

    public ReportCommandTests() => ReportSample.Write(_directory["shop.allocrec"], seed: 21);

    public void Dispose()
    {
        _runner.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void A_trace_is_analyzed_beside_the_page_and_the_dataset_is_used_again_while_it_is_newer()
    {
        NeedPage();
        string trace = _directory["shop.allocrec"], page = _directory["out/a.html"], dataset = _directory["out/shop.dataset"];
        Directory.CreateDirectory(_directory["out"]);
        Run("report", trace, "-o", page);
        Assert.Contains($"analyzed into {dataset}", _runner.Error, StringComparison.Ordinal);
        Assert.True(Directory.Exists(dataset));

        Run("report", trace, "-o", page, "--force");
        Assert.Contains($"{dataset} was made of this trace, and is used again", _runner.Error, StringComparison.Ordinal);

        // The controls: a trace that is newer, and a part of the trace.
        foreach (string file in Directory.GetFiles(trace, "*", SearchOption.AllDirectories))
            File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddHours(1));
        Run("report", trace, "-o", page, "--force");
        Assert.Contains(
            $"analyzed into a temporary directory, as {dataset} is older than the trace, or of another one", _runner.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetDirectories(_directory["out"]).Except([dataset]));
    }

    [Fact]
    public void A_dataset_of_another_trace_is_not_used()
    {
        NeedPage();
        ReportSample.Write(_directory["other/shop.allocrec"], seed: 22, blocks: 10);
        Run("analyze", _directory["other/shop.allocrec"], "-o", _directory["shop.dataset"]);
        Run("pack", _directory["shop.allocrec"], "-o", _directory["shop.alloctrace"]);
        File.SetLastWriteTimeUtc(_directory["shop.alloctrace"], DateTime.UtcNow.AddHours(-1));
        Run("report", _directory["shop.alloctrace"], "-o", _directory["a.html"]); // it has the same process, begun at the same time
        Assert.Contains("analyzed into a temporary directory, as ", _runner.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_printed_is_what_matters_most_and_how_to_go_on()
    {
        NeedPage();
        Run("report", _directory["shop.allocrec"], "-o", _directory["a.html"]);
        Assert.Matches("(?m)^ *calls +.* on 3 threads in ", _runner.Output);
        Assert.Matches("(?m)^ *peak live +", _runner.Output);
        Assert.Matches("(?m)^ *leak suspects +", _runner.Output);
        Assert.Contains($"Next: open {_directory["a.html"]} in a browser", _runner.Error, StringComparison.Ordinal);
        Assert.Contains("--view leak_suspects", _runner.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Json_is_printed_without_a_page_and_leaves_nothing()
    {
        Run("report", _directory["shop.allocrec"], "--json");
        using JsonDocument json = JsonDocument.Parse(_runner.Output);
        Assert.Equal("allocreplay.report/1", json.RootElement.GetProperty("schema").GetString());
        Assert.Empty(Directory.GetFileSystemEntries(_directory.Path).Except([_directory["shop.allocrec"]]));
    }

    [Fact]
    public void Other_images_of_a_trace_are_told()
    {
        string trace = _directory["two.allocrec"];
        new PlannedBlocks().Add("f", 10, 1).Add("g", 10, 2).Write(trace, image: "p100.0");
        new PlannedBlocks().Add("f", 10, 1).Write(trace, image: "p101.0");
        Run("report", trace, "--json");
        Assert.Equal(1, System.Text.Json.JsonDocument.Parse(_runner.Output).RootElement.GetProperty("summary").GetProperty("other_images").GetInt64());
        Assert.Contains("is the busiest of 2 process images", _runner.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_is_one_line()
    {
        NeedPage();
        File.WriteAllText(_directory["there.html"], "mine");
        Run("analyze", _directory["shop.allocrec"], "-o", _directory["data"]);
        AssertRefused("there.html", "report", _directory["shop.allocrec"], "-o", _directory["there.html"]);
        Assert.Equal("mine", File.ReadAllText(_directory["there.html"]));
        AssertRefused("is a dataset", "report", _directory["data"], "-o", _directory["a.html"], "--from-mark", "x");
        AssertRefused("no process image p7.7", "report", _directory["data"], "-o", _directory["a.html"], "--process", "p7.7");
        AssertRefused("expected a file name", "report", _directory["data"], "-o", "");
        AssertRefused("standard output", "report", _directory["data"], "-o", "-", "--json");
        Assert.False(File.Exists(_directory["a.html"]));
    }

    private void Run(params string[] arguments) => Assert.True(_runner.Run(arguments) == ExitCode.Ok, _runner.Error);

    private void AssertRefused(string why, params string[] arguments)
    {
        Assert.Equal(ExitCode.Usage, _runner.Run(arguments));
        Assert.Contains(why, Assert.Single(_runner.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    private static void NeedPage()
    {
        try
        {
            _ = ReportHtml.Template();
        }
        catch (PageMissingException)
        {
            Assert.Skip("the page is not built in: ./build.sh build makes it, with Node.js");
        }
    }
}
