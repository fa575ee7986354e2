using System.Text.Json;
using System.Text.RegularExpressions;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Endtoend;

/// <summary>
/// Programs with call sites that leak and others that do not, by the names of their functions: how many of each are leak suspects, and how many
/// "not freed at the end" would have named. The first program was there while the rules were made; the second was written after them, and one rule was added
/// for two of its leaks; the third was written later, by someone who had seen neither the rules nor the programs.
/// </summary>
[StartsProcesses]
public sealed partial class SuspectScoreTests(ITestOutputHelper output) : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Of_twenty_planted_leaks_nineteen_are_suspects_and_of_forty_healthy_sites_two_at_the_most()
    {
        Score suspects = ScoreOf("leaky_service.c", out Score notFreed);
        Assert.True(suspects.Leaks >= 19 && suspects.Healthy <= 2, suspects.Words);
        // The control: what is not freed at the end tells them apart worse.
        Assert.True(notFreed.Healthy > 2 || notFreed.Leaks < 19, notFreed.Words);
    }

    [Fact]
    public void A_program_that_the_rules_were_not_made_with_is_judged_better_than_by_what_is_not_freed()
    {
        Score suspects = ScoreOf("leaky_broker.cpp", out Score notFreed);
        // One healthy site is a set that still grows.
        Assert.True(suspects.Leaks >= 19 && suspects.Healthy <= 2, suspects.Words);
        Assert.True(notFreed.Leaks < suspects.Leaks && notFreed.Healthy > suspects.Healthy, notFreed.Words);
    }

    [Fact]
    public void So_is_one_by_who_did_not_know_the_rules()
    {
        Score suspects = ScoreOf("leaky_database.cpp", out Score notFreed);
        Assert.True(suspects.Leaks >= 19 && suspects.Healthy <= 2, suspects.Words);
        Assert.True(notFreed.Leaks < suspects.Leaks && notFreed.Healthy > suspects.Healthy, notFreed.Words);
    }

    private Score ScoreOf(string program, out Score notFreed)
    {
        string dataset = _directory["data"];
        Run("record", "--stacks", "auto", "-o", _directory["r.alloctrace"], "--", Targets.Build(program, "-g"));
        Run("analyze", _directory["r.alloctrace"], "-o", dataset);
        string listed = Run("query", dataset, "--view", "leak_suspects", "--json");
        Score suspects = Count(listed);
        notFreed = Count(Run("query", dataset, "SELECT text FROM outstanding_by_site", "--json"));
        output.WriteLine($"{program}: leak_suspects {suspects.Words}");
        output.WriteLine($"{program}: not freed at the end {notFreed.Words}");
        List<JsonElement> rows = Rows(listed);
        string counts = string.Join(" UNION ALL ", rows.Select((r, i) => $"SELECT {i} AS i, count(*) AS n FROM ({r.GetProperty("blocks_sql").GetString()})"));
        Assert.Equal(rows.Select(BlocksOf), Rows(Run("query", dataset, $"{counts} ORDER BY i", "--json")).Select(r => r.GetProperty("n").GetInt32()));
        return suspects;
    }

    /// <summary>How many blocks the statement that comes with a suspect is to list.</summary>
    private static int BlocksOf(JsonElement suspect) =>
        suspect.GetProperty(suspect.GetProperty("overdue_blocks").GetInt32() > 0 ? "overdue_blocks" : "live_blocks").GetInt32();

    private static Score Count(string json)
    {
        string[] names = [.. Rows(json).Select(r => Named().Match(r.GetProperty("text").GetString()!).Value).Distinct().Order()];
        return new Score([.. names.Where(n => n.StartsWith('l'))], [.. names.Where(n => n.StartsWith('f'))]);
    }

    private static List<JsonElement> Rows(string json) => [.. JsonDocument.Parse(json).RootElement.EnumerateArray()];

    private static string Run(params string[] arguments)
    {
        ProgramResult result = Programs.AllocReplay(arguments);
        Assert.True(result.ExitCode == 0, $"{string.Join(' ', arguments)}: {result.Error}");
        return result.Output;
    }

    private sealed record Score(string[] LeakNames, string[] HealthyNames)
    {
        public int Leaks => LeakNames.Length;
        public int Healthy => HealthyNames.Length;
        public string Words => $"{Leaks} leaks, {Healthy} healthy: {string.Join(' ', LeakNames)} | {string.Join(' ', HealthyNames)}";
    }

    /// <summary>The first such function on a stack: what asks for memory may be a helper that others call too.</summary>
    [GeneratedRegex("(leak|fine)_[0-9]+")]
    private static partial Regex Named();
}
