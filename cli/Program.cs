using System.CommandLine;
using AllocReplay.Cli;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;

var terminal = new Terminal(Console.Out, Console.Error);
RootCommand root = CommandLine.Create(terminal);

if (args is [] or ["help"])
    args = ["--help"];

// A path that starts with @ is a path, not a response file.
ParseResult parse = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
if (parse.Errors.Count > 0)
{
    Command command = parse.CommandResult.Command;
    foreach (string message in UsageMessages.Of(parse))
        terminal.Note($"allocreplay: {message}");
    terminal.Note($"Try 'allocreplay {(command == root ? "" : command.Name + " ")}--help'.");
    return ExitCode.Usage;
}
try
{
    return parse.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (Exception e) when (Failures.Classify(e) is { } diagnosis)
{
    // Not every command has the option that the advice names.
    bool isOffered = e is not TraceDamagedException || parse.CommandResult.Command.Options.Any(o => o.Name == TraceArguments.PartialName);
    terminal.Note($"allocreplay: {e.Message}{(isOffered ? diagnosis.Hint : "")}");
    return diagnosis.ExitCode;
}
