using AllocReplay.Fuzz;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Formats;

public sealed class FuzzerTests
{
    [Fact]
    public void The_fuzzer_finds_nothing_in_a_second_and_a_planted_fault_at_once()
    {
        using var directory = new TemporaryDirectory();
        CampaignReport report = Campaign.Run(new CampaignOptions(1, 7, directory.Path, Workers: 1));
        Assert.Empty(report.Findings);
        Assert.True(report.Packs > 0 && report.Directories > 0);
        report = Campaign.Run(new CampaignOptions(30, 7, directory.Path, Plant: true, Workers: 1) { FindingsMax = 1 });
        string finding = Assert.Single(report.Findings);
        Assert.Contains("planted", finding, StringComparison.Ordinal);
        Assert.Single(Directory.GetFiles(directory.Path, "*.hex"));
    }
}
