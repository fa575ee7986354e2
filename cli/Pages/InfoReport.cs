using System.Diagnostics.CodeAnalysis;
using AllocReplay.Formats.Summary;

namespace AllocReplay.Cli.Pages;

/// <summary>What <c>info --json</c> prints: the figures, and the words that the page has for them.</summary>
internal sealed record InfoReport : TraceSummary
{
    [SetsRequiredMembers]
    public InfoReport(TraceSummary summary)
        : base(summary)
    {
    }

    /// <summary>How the process ended, in words.</summary>
    public string End => InfoPage.DescribeEnd(this);
    /// <summary>What to know before the figures are trusted.</summary>
    public IReadOnlyList<WordedWarning> Warnings => [.. TraceWarnings.Of(this).Select(w => WordedWarning.Of(w, this))];
}
