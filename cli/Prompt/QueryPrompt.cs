using AllocReplay.Analyzer.Query;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;

namespace AllocReplay.Cli.Prompt;

/// <summary>The prompt that <c>query</c> is without a statement: a session on the terminal that standard input and output are.</summary>
internal static class QueryPrompt
{
    private const string First = "query> ", Next = "  ...> ";

    public static bool CanRun(Terminal terminal) => terminal.IsInteractive;

    /// <summary>Opens the dataset, and runs what is typed, until there is no more.</summary>
    /// <returns>The exit code.</returns>
    /// <exception cref="OperationCanceledException">The command was asked to end.</exception>
    public static int Run(string directory, PromptSettings settings, Terminal terminal, Interruption interruption)
    {
        using DatasetQuery query = DatasetQuery.Open(directory);
        TerminalMode mode = TerminalMode.Open() ?? throw new UsageException("a prompt needs a terminal");
        History history = LoadHistory(terminal);
        string images = Quantity.Count(DatasetProcess.AllOf(query).Count, "process image");
        terminal.Note($"{directory}: {images}. Statements end with a semicolon; .help tells what else can be typed.");
        bool isPlain = PromptTerminal.IsDumb;
        using var keys = new PromptTerminal(terminal, mode, isPlain, interruption.Token);
        try
        {
            var names = new QueryNames(query);
            IInputReader reader = isPlain
                ? new PlainReader(keys, First, Next)
                : new LineEditor(keys, new LinePainter(keys, First, Next), history, new QueryCompleter(names.ColumnsOf).At);
            var session = new PromptSession(query, settings, reader, history, terminal, interruption.Token);
            interruption.Interrupting = () =>
            {
                // What was struck ahead is not to run after what is interrupted.
                keys.Forget();
                if (!session.Interrupt())
                    keys.Interrupt(new Key(KeyKind.Cancel));
            };
            session.Run();
            // A terminal that goes ends the keys and sends a signal, in whatever order.
            interruption.Token.ThrowIfCancellationRequested();
            return keys.HasGone ? ExitCode.HungUp : ExitCode.Ok;
        }
        catch
        {
            // Nothing disposes what a bug ends, and the shell could not be typed into.
            keys.Dispose();
            throw;
        }
        finally
        {
            interruption.Interrupting = null;
        }
    }

    private static History LoadHistory(Terminal terminal)
    {
        if (HistoryFile.UserPath is not { } path)
            return new History([], _ => { });
        var file = new HistoryFile(path, terminal.Note);
        return new History(file.Load(), file.Add);
    }
}
