using System.CommandLine;
using System.Text;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Stacks;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay dump</c>: every event, one line each, in merged order or of one thread.</summary>
internal static class DumpCommand
{
    /// <summary>Enough to pay for the change of threads, few enough to stay in a cache.</summary>
    private const int BatchEvents = 1024;

    public static Command Create(Terminal terminal)
    {
        var choice = new TraceChoiceOptions();
        Option<int?> thread = new("--thread") { Description = "Only this thread's events.", HelpName = "index" };
        Option<long?> limit = new("--limit") { Description = "Stop after this many events.", HelpName = "n" };
        Option<bool> partial = TraceArguments.Partial();
        Option<bool> json = new("--json") { Description = "Print one JSON object a line." };
        var command = new Command("dump", "Print the events of a trace, one a line.") { thread, limit, partial, json };
        choice.AddTo(command);
        var symbols = new SymbolArguments();
        symbols.AddTo(command);
        command.SetAction(parse => Run(choice.Of(parse), reader => symbols.For(parse, reader, terminal), parse.GetValue(thread), parse.GetValue(limit),
            parse.GetValue(partial), parse.GetValue(json), terminal));
        return command;
    }

    /// <summary>How an event becomes a line.</summary>
    /// <param name="Write">Writes it, and returns the bytes written.</param>
    /// <param name="EndWithStack">The end of the line of the first event that has a stack, instead of the one that was written: it says what that is.</param>
    private sealed record LineFormat(LineWriter Write, Func<int, (string Instead, string End)> EndWithStack);

    private delegate int LineWriter(Span<byte> line, in TraceEvent e);

    private static int Run(
        TraceChoice choice, Func<TraceReader, SymbolTable> symbolsOf, int? thread, long? limit, bool partial, bool json, Terminal terminal)
    {
        using TraceReader reader = TraceArguments.Open(choice, terminal);
        if (limit < 0)
            throw new UsageException("--limit: expected 0 or more");
        if (thread is { } wanted && (wanted < 0 || wanted >= reader.Threads.Count))
            throw new UsageException($"--thread {wanted}: this trace has threads 0 to {reader.Threads.Count - 1}");
        var stacks = new StackText(reader, symbolsOf(reader));
        if (!json)
            terminal.Out.WriteLine(EventText.Header);
        Print(reader, thread, limit ?? long.MaxValue, json ? new(EventText.WriteJson, stacks.Json) : new(EventText.WriteText, stacks.Text), terminal);
        return terminal.EndOf(reader, partial);
    }

    /// <summary>Reads a batch while the one before is formatted and written. What the writer fails with, the reader is told at its next batch.</summary>
    private static void Print(TraceReader reader, int? thread, long limit, LineFormat format, Terminal terminal)
    {
        TraceEvent[] reading = new TraceEvent[BatchEvents], writing = new TraceEvent[BatchEvents];
        var lines = new byte[BatchEvents * EventText.LineBytes];
        var told = new HashSet<int>(); // stacks
        Task written = Task.CompletedTask;
        try
        {
            bool isLast;
            do
            {
                int n = Fill(reading.AsSpan(0, (int)Math.Min(limit, reading.Length)), reader, thread);
                limit -= n;
                isLast = n < BatchEvents;
                written.GetAwaiter().GetResult();
                (reading, writing) = (writing, reading);
                TraceEvent[] batch = writing;
                written = Task.Run(() => Write(batch.AsSpan(0, n), lines, format, told, terminal));
            }
            while (!isLast);
        }
        finally
        {
            written.GetAwaiter().GetResult();
        }
    }

    private static int Fill(Span<TraceEvent> batch, TraceReader reader, int? thread)
    {
        int n = 0;
        while (n < batch.Length && reader.Read(out batch[n]))
            if (thread is null || batch[n].Thread == thread)
                n++;
        return n;
    }

    private static void Write(ReadOnlySpan<TraceEvent> batch, Span<byte> lines, LineFormat format, HashSet<int> told, Terminal terminal)
    {
        int length = 0;
        foreach (ref readonly TraceEvent e in batch)
        {
            length += format.Write(lines[length..], e);
            if (e.Stack == 0 || !told.Add(e.Stack))
                continue;
            (string instead, string end) = format.EndWithStack(e.Stack);
            terminal.Write(lines[..(length - instead.Length)]);
            terminal.Write(Encoding.UTF8.GetBytes(end));
            length = 0;
        }
        terminal.Write(lines[..length]);
    }
}
