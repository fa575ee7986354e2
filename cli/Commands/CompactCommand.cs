using System.CommandLine;
using AllocReplay.Analyzer.Fleet;
using AllocReplay.Analyzer.Passes;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using Spectre.Console;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay compact</c>: datasets of many process images become one with a file for each table.</summary>
internal static class CompactCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<string[]> datasets = new("dataset")
        {
            Description = "Directories that 'analyze' wrote, or 'compact': all that is in them goes into the new one, and they stay as they are.",
            Arity = ArgumentArity.OneOrMore,
        };
        Option<string> output = new("--output", "-o")
        {
            Description = "Directory to write; it must not be there, or be empty.",
            HelpName = "dir",
            Required = true,
        };
        Option<bool> json = TraceArguments.Json();
        var command = new Command("compact", "Copy the datasets of many processes into one with few files, which engines read many times as fast.")
        {
            datasets, output, json,
        };
        Interruptible.SetAction(
            command, terminal, (parse, token) => Run(parse.GetValue(datasets)!, parse.GetValue(output)!, parse.GetValue(json), terminal, token));
        return command;
    }

    private static int Run(string[] datasets, string output, bool json, Terminal terminal, CancellationToken token)
    {
        string title = $"compacting {TextLine.Plain(string.Join(", ", datasets))}";
        CompactionResult result = terminal.WithProgress(title, progress => Compaction.Run(datasets, output, progress, token));
        if (json)
        {
            terminal.WriteJson("allocreplay.compact/1", result);
            return ExitCode.Ok;
        }
        Table tables = Terminal.NewTable(("table", Justify.Left), ("rows", Justify.Right), ("bytes", Justify.Right));
        foreach (TableResult table in result.Tables.Where(t => t.Rows > 0))
            tables.Add(table.Name, Quantity.Count(table.Rows), Quantity.Bytes(table.Bytes));
        terminal.Write(tables);
        terminal.Note($"Wrote {result.Dataset}: {Quantity.Count(result.Images, "process image")}, {Quantity.Count(result.FilesRead, "file")} "
            + $"as {Quantity.Count(result.Tables.Sum(t => (long)t.Files))}, in {Quantity.Duration(result.ElapsedNs)}.");
        terminal.Next(TextLine.Command("query", result.Dataset, "SELECT host, count(*) AS processes, sum(acquisitions) FROM process GROUP BY host"));
        return ExitCode.Ok;
    }
}
