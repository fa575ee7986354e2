using AllocReplay.Cli.Output;
using AllocReplay.Cli.Pages;

namespace AllocReplay.Cli.Options;

/// <summary>Moments one after the other: as blocks of text, or as JSON, a line each.</summary>
internal sealed class TopLines(TopOrder order, int rows, long count, bool isJson, Terminal terminal) : ITopView
{
    private long _shown;

    public TopOrder Order => order;
    public int Rows => rows;
    public bool IsEager => false;
    public bool IsStale => false;
    public bool IsDone => _shown >= count;

    public void Show(TopReport report)
    {
        if (isJson)
        {
            terminal.WriteJson("allocreplay.top/1", report, isLine: true);
        }
        else
        {
            string[][] parts =
            [
                _shown > 0 ? [""] : [],
                [.. TopPage.Head(report, terminal.Width), ""],
                report.HasStacks ? [.. TopPage.Sites(report, terminal.Width), ""] : [],
                [.. TopPage.Threads(report, terminal.Width)],
            ];
            foreach (string line in parts.SelectMany(p => p))
                terminal.Line(line);
            terminal.Out.Flush();
        }
        _shown++;
    }

    public void Wait(TimeSpan time, CancellationToken token) => token.WaitHandle.WaitOne(time);

    public void Dispose()
    {
    }
}
