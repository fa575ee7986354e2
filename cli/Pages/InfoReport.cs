using System.Diagnostics.CodeAnalysis;
using AllocReplay.Cli.Options;
using AllocReplay.Formats.Summary;

namespace AllocReplay.Cli.Pages;

/// <summary>What <c>info --json</c> prints: the figures, and the words that the page has for them.</summary>
internal sealed record InfoReport : TraceSummary
{
    [SetsRequiredMembers]
    public InfoReport(TraceSummary summary, LiveMoment? live = null)
        : base(summary)
    {
        (UntilNs, Until, LiveState) = (live?.UntilNs, live is null ? null : InfoPage.TimeOf(summary, live), InfoPage.StateOf(live));
    }

    /// <summary>What the recording is doing: `recording`, `stopped`, or null where it has ended.</summary>
    public string? LiveState { get; }
    /// <summary>While it is recorded, the moment up to which all is there, since its beginning; null where it has ended.</summary>
    public long? UntilNs { get; }
    /// <summary>That moment, UTC.</summary>
    public DateTimeOffset? Until { get; }

    /// <summary>How the process ended, in words.</summary>
    public string End => InfoPage.DescribeEnd(this, LiveState is not null);
    /// <summary>What to know before the figures are trusted.</summary>
    public IReadOnlyList<WordedWarning> Warnings => [.. TraceWarnings.Of(this).Select(w => WordedWarning.Of(w, this))];
}
