using System.CommandLine;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Cli.Pages;
using AllocReplay.Recorder;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay top</c>: what a program that is being recorded allocates and holds, while it runs.</summary>
internal static class TopCommand
{
    private const int DefaultRows = 10;

    public static Command Create(Terminal terminal)
    {
        Argument<string> target = new("target")
        {
            Description = "A process id (the command's, or the recorder's), a recording directory, or one process image inside it.",
        };
        Option<string?> process = new("--process")
        {
            Description = "Process image to watch (pPID.N). Default: the busiest that runs, and when it ends the busiest of those that are left.",
            HelpName = "image",
        };
        Option<string?> interval = new("--interval")
        {
            Description = "Time between two moments that are shown: seconds, or with ms, s, m or h. Default: 1s.",
            HelpName = "time",
        };
        Option<string?> window = new("--window") { Description = "Time that growth is measured over. Default: 1m.", HelpName = "time" };
        Option<string> sort = new("--sort")
        {
            Description = "What sites and threads are sorted by: live bytes, growth, allocations a second, or live blocks.",
            HelpName = "live|growth|rate|blocks",
            DefaultValueFactory = _ => "live",
        };
        sort.AcceptOnlyFromAmong("live", "growth", "rate", "blocks");
        Option<int> rows = new("--rows")
        {
            Description = "Rows of each table, where it is text or JSON.",
            HelpName = "n",
            DefaultValueFactory = _ => DefaultRows,
        };
        Option<bool> once = new("--once") { Description = "Print one moment as text, and end." };
        Option<long?> count = new("--count") { Description = "Print so many moments as text, and end.", HelpName = "n" };
        Option<bool> json = new("--json") { Description = "Print one JSON object a line for each moment." };
        var command = new Command("top", "Watch a program while it is recorded: what it allocates and holds, by call site and thread.")
        {
            target, process, interval, window, sort, rows, once, count, json,
        };
        var symbols = new SymbolArguments();
        symbols.AddTo(command);
        Interruptible.SetAction(command, terminal, (parse, token) =>
        {
            if (parse.GetValue(rows) < 1)
                throw new UsageException("--rows: expected 1 or more");
            if (parse.GetValue(count) < 1)
                throw new UsageException("--count: expected 1 or more");
            string what = parse.GetValue(target)!;
            WatchedImages images = ImageChoice.Find(what, "report");
            TimeSpan each = parse.GetValue(interval) is { } time ? Quantity.ParseTime("--interval", time) : TimeSpan.FromSeconds(1);
            TimeSpan over = parse.GetValue(window) is { } length ? Quantity.ParseTime("--window", length) : TimeSpan.FromMinutes(1);
            TopOrder order = Enum.Parse<TopOrder>(parse.GetValue(sort)!, ignoreCase: true);
            long? moments = parse.GetValue(once) ? 1 : parse.GetValue(count);
            FullScreen? screen = parse.GetValue(json) || moments is not null ? null : FullScreen.Open(terminal);
            ITopView view = screen is not null ? new TopScreen(screen, order)
                : new TopLines(order, parse.GetValue(rows), moments ?? long.MaxValue, parse.GetValue(json), terminal);
            var options = symbols.Of(parse);
            return Run(new TopWatch(images, parse.GetValue(process), each,
                image => LiveRecording.Open(images.Session, image, over, f => new LiveSites(f.ReadFrames, f.Process, options)), view, token),
                images, view, screen is not null, terminal);
        });
        return command;
    }

    private static int Run(TopWatch watch, WatchedImages images, ITopView view, bool isScreen, Terminal terminal)
    {
        TopReport last;
        using (view)
            last = watch.Run();
        if (!watch.HasEnded)
            return ExitCode.Ok;
        if (isScreen)
        {
            // What was on the screen has gone with it.
            foreach (string line in TopPage.Head(last, terminal.Width).Concat([""]).Concat(
                last.HasStacks ? TopPage.Sites(last, terminal.Width) : TopPage.Threads(last, terminal.Width)))
                terminal.Line(line);
        }
        terminal.Note(TopPage.Ending(last));
        if (last.Problem is { } damage)
        {
            terminal.Note($"allocreplay: {damage.Message}");
            return ExitCode.BadInput;
        }
        string packed = Path.ChangeExtension(images.Session.TrimEnd('/'), PackCommand.Extension);
        terminal.Next(TextLine.Command("report", !Directory.Exists(images.Session) && File.Exists(packed) ? packed : images.Session));
        return ExitCode.Ok;
    }
}
