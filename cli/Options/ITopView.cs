using AllocReplay.Cli.Pages;

namespace AllocReplay.Cli.Options;

/// <summary>Where <c>top</c> shows what it knows.</summary>
internal interface ITopView : IDisposable
{
    /// <summary>What the tables are sorted by.</summary>
    TopOrder Order { get; }

    /// <summary>Rows of each table.</summary>
    int Rows { get; }

    /// <summary>Whether it shows moments from the start, also of what is being caught up with.</summary>
    bool IsEager { get; }

    /// <summary>Whether it wants to be shown the latest moment once more.</summary>
    bool IsStale { get; }

    /// <summary>Whether it was shown as much as it was to be, or has been left.</summary>
    bool IsDone { get; }

    /// <summary>Shows a moment.</summary>
    void Show(TopReport report);

    /// <summary>Waits for so long, or for something to do.</summary>
    void Wait(TimeSpan time, CancellationToken token);
}
