using System.CommandLine;
using AllocReplay.Cli.Commands;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;

namespace AllocReplay.Cli;

/// <summary>All commands, and what becomes of a command line: output, or one line that says what is wrong; always an exit code.</summary>
internal static class CommandLine
{
    public static RootCommand Create(Terminal terminal) => new("Record, replay and analyze memory allocation.")
    {
        RecordCommand.Create(terminal),
        AttachCommand.Create(terminal),
        DetachCommand.Create(terminal),
        ControlCommand.Create(terminal),
        DoctorCommand.Create(terminal),
        TopCommand.Create(terminal),
        PackCommand.Create(terminal),
        ImportCommand.Create(terminal),
        SymbolizeCommand.Create(terminal),
        InfoCommand.Create(terminal),
        DumpCommand.Create(terminal),
        ReplayCommand.Create(terminal),
        VerifyCommand.Create(terminal),
        CompareCommand.Create(terminal),
        AllocatorsCommand.Create(terminal),
        AnalyzeCommand.Create(terminal),
        QueryCommand.Create(terminal),
        CompactCommand.Create(terminal),
        ReportCommand.Create(terminal),
        CheckCommand.Create(terminal),
        DiffCommand.Create(terminal),
        ExportCommand.Create(terminal),
    };

    /// <summary>The commands of the native recorder (native/NativeRecorder.cs): what is needed where the program runs. All else is done elsewhere.</summary>
    public static RootCommand CreateRecorder(Terminal terminal) => new(
        "Record memory allocation where no .NET is. The full allocreplay, elsewhere, replays and analyzes what was recorded.")
    {
        RecordCommand.Create(terminal),
        AttachCommand.Create(terminal),
        DetachCommand.Create(terminal),
        ControlCommand.Create(terminal),
        DoctorCommand.Create(terminal),
        TopCommand.Create(terminal),
        PackCommand.Create(terminal),
        InfoCommand.Create(terminal),
    };

    /// <inheritdoc cref="Run(string[], Terminal, Func{Terminal, RootCommand})"/>
    public static int Run(string[] args, Terminal terminal) => Run(args, terminal, Create);

    /// <returns>The exit code. What is no failure of the user's, the input's or the machine's is a bug and is thrown.</returns>
    public static int Run(string[] args, Terminal terminal, Func<Terminal, RootCommand> create)
    {
        if (args is [] or ["help", ..])
            args = [.. args.Skip(1), "--help"];
        // A path that starts with @ is a path, not a response file.
        RootCommand root = create(terminal);
        terminal.CommandNames = [.. root.Subcommands.Select(c => c.Name)];
        root.Options.OfType<VersionOption>().Single().Action = new VersionAction();
        ParseResult parse = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parse.Errors.Count > 0)
        {
            foreach (string message in UsageMessages.Of(parse))
                terminal.Note($"allocreplay: {message}");
            terminal.Note($"Try '{UsageMessages.HelpOf(parse.CommandResult.Command)}'.");
            return ExitCode.Usage;
        }
        try
        {
            int code = parse.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, Output = terminal.Out, Error = terminal.Error });
            terminal.Out.Flush();
            return code;
        }
        catch (Exception e) when (Failures.Classify(e) is { } diagnosis)
        {
            // Whoever closed the output does not want to hear of it.
            if (diagnosis.ExitCode != ExitCode.OutputClosed)
                Explain(e, diagnosis, parse.CommandResult.Command, terminal);
            return diagnosis.ExitCode;
        }
    }

    private static void Explain(Exception e, Diagnosis diagnosis, Command command, Terminal terminal)
    {
        // Not every command has the option that the advice names.
        bool isOffered = e is not TraceDamagedException || command.Options.Any(o => o.Name == TraceArguments.PartialName);
        string message = $"allocreplay: {e.Message}{(isOffered ? diagnosis.Hint : "")}";
        foreach (string line in Failures.Lines(e, message))
            terminal.Note(line);
    }
}
