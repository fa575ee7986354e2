using System.CommandLine;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Formats.Stacks;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay dump</c>: every event, one line each, in merged order or of one thread; of a recording that goes on, as they come.</summary>
internal static class DumpCommand
{
    public static Command Create(Terminal terminal)
    {
        var choice = new TraceChoiceOptions(trace: TraceArguments.Running(", with --follow"));
        Option<bool> follow = new("--follow", "-f")
        {
            Description = "Print events as they come while the program runs, from the beginning on, until it has ended.",
        };
        Option<int?> thread = new("--thread") { Description = "Only this thread's events.", HelpName = "index" };
        Option<long?> limit = new("--limit") { Description = "Stop after this many events.", HelpName = "n" };
        Option<bool> partial = TraceArguments.Partial();
        Option<bool> json = new("--json") { Description = "Print one JSON object a line." };
        var command = new Command("dump", "Print the events of a trace, one a line.") { follow, thread, limit, partial, json };
        choice.AddTo(command);
        var symbols = new SymbolArguments();
        symbols.AddTo(command);
        command.SetAction(parse =>
        {
            var wanted = new Wanted(parse.GetValue(thread), parse.GetValue(limit), parse.GetValue(partial), parse.GetValue(json));
            if (wanted.Limit < 0)
                throw new UsageException("--limit: expected 0 or more");
            return parse.GetValue(follow)
                ? Interruptible.Run(terminal, i => Follow(choice.Of(parse), symbols.Of(parse), wanted, terminal, i.Token))
                : Run(choice.Of(parse), reader => symbols.For(parse, reader, terminal), wanted, terminal);
        });
        return command;
    }

    private sealed record Wanted(int? Thread, long? Limit, bool Partial, bool Json);

    private static int Run(TraceChoice choice, Func<TraceReader, SymbolTable> symbolsOf, Wanted wanted, Terminal terminal)
    {
        using TraceReader reader = TraceArguments.Open(choice, terminal);
        if (wanted.Thread is { } index && (index < 0 || index >= reader.Threads.Count))
            throw new UsageException($"--thread {index}: this trace has threads 0 to {reader.Threads.Count - 1}");
        var lines = new EventLines(terminal, wanted.Json, StackText.Of(reader, symbolsOf(reader)), wanted.Limit);
        lines.Print(batch =>
        {
            int n = 0;
            while (n < batch.Length && reader.Read(out batch[n]))
                if (wanted.Thread is null || batch[n].Thread == wanted.Thread)
                    n++;
            return n;
        });
        return terminal.EndOf(reader, wanted.Partial);
    }

    private static int Follow(TraceChoice choice, Symbols.SymbolOptions symbols, Wanted wanted, Terminal terminal, CancellationToken token)
    {
        if (wanted.Thread < 0)
            throw new UsageException("--thread: expected 0 or more");
        Recorder.WatchedImages images = ImageChoice.Find(choice.Path, "dump");
        string chosen = ImageChoice.First(images, choice.Process);
        using var image = FollowedImage.Open(chosen, choice.Range);
        using var stacks = new LiveStacks(image.Reader, symbols, terminal, token);
        string name = TextLine.Plain($"{Path.GetFileName(image.Reader.Process.Executable)} ({image.Reader.Image})");
        int others = images.Now().Count - 1;
        terminal.Note($"Following {name}{(others > 0 && choice.Process is null ? $", one of {Quantity.Count(others + 1)} process images" : "")}; "
            + "events come a second or two after the calls, and Ctrl-C ends it");
        var lines = new EventLines(terminal, wanted.Json, new StackText(stacks.Of), wanted.Limit);
        terminal.Out.Flush();
        bool isOver = new EventFollow(image, stacks, lines, wanted.Thread, terminal, token).Run();
        return Tell(image, name, isOver, lines.Printed, images, wanted.Partial, terminal);
    }

    /// <summary>How it ended: what is on disk of a program whose recorder was killed is not all, and another process may run.</summary>
    private static int Tell(
        FollowedImage image, string name, bool isOver, long printed, Recorder.WatchedImages images, bool partial, Terminal terminal)
    {
        ulong lost = image.Reader.Process.LostEvents;
        string ending = !isOver ? "is recorded on" : image.IsAbandoned ? "is not written any more: its recorder was killed" : "has ended";
        terminal.Note($"{name} {ending}: {Quantity.Count(printed, "event")} shown{(lost > 0 ? $", {Quantity.Count(lost, "call")} lost" : "")}");
        if (image.IsAbandoned && isOver)
            terminal.Next(TextLine.Command("dump", image.Reader.Path)); // which brings in what is in shared memory
        else if (isOver && images.Running() is [var next, ..])
            terminal.Next(TextLine.Command("dump", "--follow", next));
        return terminal.EndOf(image.Reader.Damage, partial);
    }
}
