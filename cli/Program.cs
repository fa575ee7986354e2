using System.CommandLine;
using AllocReplay.Cli;
using AllocReplay.Cli.Commands;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;

var terminal = new Terminal(Console.Out, Console.Error);
var root = new RootCommand("Record, replay and analyze memory allocation.")
{
    RecordCommand.Create(terminal),
    ControlCommand.Create(terminal),
    PackCommand.Create(terminal),
    ImportCommand.Create(terminal),
    InfoCommand.Create(terminal),
    DumpCommand.Create(terminal),
    ReplayCommand.Create(terminal),
    VerifyCommand.Create(terminal),
    CompareCommand.Create(terminal),
    AllocatorsCommand.Create(terminal),
    AnalyzeCommand.Create(terminal),
    QueryCommand.Create(terminal),
};

if (args is [] or ["help"])
    args = ["--help"];

// A path that starts with @ is a path, not a response file.
ParseResult parse = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
if (parse.Errors.Count > 0)
{
    foreach (string message in UsageMessages.Of(parse))
        terminal.Note($"allocreplay: {message}");
    terminal.Note($"Try '{UsageMessages.PathTo(parse.CommandResult.Command)} --help'.");
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
