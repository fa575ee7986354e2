using System.Collections.Concurrent;
using System.Text;

namespace AllocReplay.Cli.Output;

/// <summary>
/// The terminal as one page that is painted anew, with keys: on the screen that editors use, so that what was on the other is there afterwards.
/// </summary>
/// <remarks>
/// A thread of its own reads the keys: while it waits for one, the terminal echoes none, and hands over each as it is struck. It ends with the process; the
/// runtime then gives the terminal back as it was.
/// </remarks>
internal sealed class FullScreen : IDisposable
{
    private const string Enter = "\e[?1049h\e[?25l", Leave = "\e[?25h\e[?1049l", Home = "\e[H", ClearLine = "\e[K", ClearBelow = "\e[J";
    private const string Reverse = "\e[7m", Plain = "\e[0m";

    private static readonly BlockingCollection<char> Keys = [];
    private static Thread? _reader; // of keys: one for the process

    private readonly TextWriter _out;
    private readonly bool _isPlain = Environment.GetEnvironmentVariable("NO_COLOR") is { Length: > 0 };

    private FullScreen(TextWriter @out)
    {
        _out = @out;
        if (_reader is null && !Console.IsInputRedirected)
        {
            _reader = new Thread(ReadKeys) { IsBackground = true };
            _reader.Start();
        }
        Put(Enter);
    }

    /// <summary>Opens it; null where standard output is no terminal, or one that cannot be painted.</summary>
    public static FullScreen? Open(Terminal terminal) =>
        Console.IsOutputRedirected || Environment.GetEnvironmentVariable("TERM") is null or "" or "dumb" ? null : new FullScreen(terminal.Out);

    /// <summary>Columns.</summary>
    public static int Width => Console.WindowWidth is > 0 and var width ? width : 80;

    /// <summary>Lines.</summary>
    public static int Height => Console.WindowHeight is > 0 and var height ? height : 24;

    /// <summary>Paints a page: what does not fit is cut.</summary>
    /// <param name="lines">Its lines, of text that commands no terminal.</param>
    /// <param name="marked">Number of the line that is to stand out; -1: none.</param>
    public void Show(IReadOnlyList<string> lines, int marked)
    {
        (int width, int height) = (Width, Height);
        var page = new StringBuilder(Home);
        int shown = Math.Min(lines.Count, height);
        for (int i = 0; i < shown; i++)
        {
            string line = lines[i].Length > width ? lines[i][..width] : lines[i];
            page.Append(i == marked && !_isPlain ? Reverse + line.PadRight(width) + Plain : line).Append(ClearLine).Append(i < shown - 1 ? "\r\n" : "");
        }
        Put(page.Append(shown < height ? ClearBelow : "").ToString());
    }

    /// <summary>The next key, as a character; null when none was struck in that time.</summary>
    public static char? Key(TimeSpan wait, CancellationToken token)
    {
        try
        {
            return Keys.TryTake(out char key, (int)wait.TotalMilliseconds, token) ? key : null;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    public void Dispose() => Put(Leave);

    private void Put(string text)
    {
        _out.Write(text);
        _out.Flush();
    }

    private static void ReadKeys()
    {
        try
        {
            while (true)
                Keys.Add(Console.ReadKey(intercept: true).KeyChar);
        }
        catch (Exception e) when (e is InvalidOperationException or IOException)
        {
            // The terminal has gone: there are no more keys.
        }
    }
}
