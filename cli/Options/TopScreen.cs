using AllocReplay.Cli.Output;
using AllocReplay.Cli.Pages;

namespace AllocReplay.Cli.Options;

/// <summary>The latest moment on the whole terminal, with keys.</summary>
internal sealed class TopScreen(FullScreen screen, TopOrder order) : ITopView
{
    /// <summary>Lines beside the rows of a table: the lines above it, its header and rule, and the keys.</summary>
    private const int BesideRows = 10;

    private const int RowsMin = 3;

    private (int Width, int Height) _shownAt;
    private TopReport? _last;
    private bool _isPaused, _hasOtherOrder;
    private bool? _showsThreads; // null: what the recording has

    public TopOrder Order { get; private set; } = order;
    public int Rows => Math.Max(RowsMin, FullScreen.Height - BesideRows);
    public bool IsEager => true;
    public bool IsStale { get; private set; }
    public bool IsDone { get; private set; }

    public void Show(TopReport report)
    {
        if (_isPaused && !IsStale)
            return;
        // Paused, it is of the moment that it was. By another order other rows come first, which are known of now alone: then it is of now, all of it.
        _last = _isPaused && !_hasOtherOrder && _last is not null ? _last : report;
        IsStale = _hasOtherOrder = false;
        (int width, int height) = _shownAt = (FullScreen.Width, FullScreen.Height);
        List<string> lines = [.. TopPage.Head(_last, width)];
        bool threads = _showsThreads ?? !_last.HasStacks;
        IReadOnlyList<string> table = threads ? TopPage.Threads(_last, width) : TopPage.Sites(_last, width);
        lines.Add("");
        int marked = lines.Count;
        lines.AddRange(table.Take(Math.Max(0, height - lines.Count - 1)));
        while (lines.Count < height - 1)
            lines.Add("");
        string order = Order.ToString().ToLowerInvariant();
        lines.Add($"q quit   s sort: {order}   t {(threads ? "sites" : "threads")}   p {(_isPaused ? "go on (paused)" : "pause")}");
        screen.Show(lines, marked);
    }

    public void Wait(TimeSpan time, CancellationToken token)
    {
        for (char? key = FullScreen.Key(time, token); key is not null; key = FullScreen.Key(TimeSpan.Zero, token))
            Obey(key.Value);
        IsStale |= _shownAt != (FullScreen.Width, FullScreen.Height);
    }

    public void Dispose() => screen.Dispose();

    private void Obey(char key)
    {
        switch (char.ToLowerInvariant(key))
        {
            case 'q':
                IsDone = true;
                break;
            case 's':
                Order = (TopOrder)(((int)Order + 1) % Enum.GetValues<TopOrder>().Length);
                IsStale = _hasOtherOrder = true;
                break;
            case 't':
                _showsThreads = !(_showsThreads ?? !(_last?.HasStacks ?? true));
                IsStale = true;
                break;
            case 'p':
                _isPaused = !_isPaused;
                IsStale = true;
                break;
            default:
                break;
        }
    }
}
