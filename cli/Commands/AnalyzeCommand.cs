using System.CommandLine;
using AllocReplay.Analyzer.Passes;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using Spectre.Console;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay analyze</c>: a trace becomes a Parquet dataset, one row for each block.</summary>
internal static class AnalyzeCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<string> trace = TraceArguments.Trace();
        Option<string?> output = new("--output", "-o")
        {
            Description = "Directory to write. Default: the trace's name with .dataset for its extension, in the current directory.",
            HelpName = "dir",
        };
        Option<string?> process = TraceArguments.Process();
        Option<bool> force = new("--force")
        {
            Description = "Write into a directory that is not empty: add this process, or replace its tables. Nothing else is touched.",
        };
        Option<bool> partial = TraceArguments.Partial();
        Option<bool> json = TraceArguments.Json();
        var command = new Command("analyze", "Turn a trace into a Parquet dataset: one row for each block, with its lifetime.")
        {
            trace, output, process, force, partial, json,
        };
        Interruptible.SetAction(command, terminal, (parse, token) =>
        {
            var options = new AnalysisOptions
            {
                Directory = parse.GetValue(output) ?? DefaultDirectory(parse.GetValue(trace)!),
                Force = parse.GetValue(force),
                Partial = parse.GetValue(partial),
            };
            return Run(parse.GetValue(trace)!, parse.GetValue(process), options, parse.GetValue(json), terminal, token);
        });
        return command;
    }

    internal static string DefaultDirectory(string trace) =>
        Path.GetFileNameWithoutExtension(Path.GetFullPath(trace).TrimEnd('/')) + ".dataset";

    private static int Run(
        string path, string? process, AnalysisOptions options, bool json, Terminal terminal, CancellationToken token)
    {
        using TraceReader reader = TraceReader.Open(path, process);
        AnalysisResult result = terminal.WithProgress(
            $"analyzing {path}", progress => Analysis.RunAsync(reader, options, progress, token).GetAwaiter().GetResult());
        if (json)
            terminal.WriteJson("allocreplay.analyze/1", result);
        else
            Print(result, terminal);
        if (result.Damage is not null)
            terminal.Note($"allocreplay: warning: the trace is damaged, what could be read was written: {result.Damage}");
        return ExitCode.Ok;
    }

    private static void Print(AnalysisResult result, Terminal terminal)
    {
        Table tables = Terminal.NewTable(
            ("table", Justify.Left), ("rows", Justify.Right), ("files", Justify.Right), ("bytes", Justify.Right), ("B/row", Justify.Right));
        foreach (TableResult table in result.Tables)
        {
            tables.AddRow(
                table.Name, Quantity.Count(table.Rows), Quantity.Count(table.Files), Quantity.Bytes(table.Bytes),
                table.Rows == 0 ? "-" : FormattableString.Invariant($"{(double)table.Bytes / table.Rows:0.0}"));
        }
        terminal.Write(tables);
        double seconds = Math.Max(result.Elapsed.TotalSeconds, 1e-9);
        terminal.Note($"Wrote {result.Dataset} (host={result.Host}, process={result.Process}): {Quantity.Count(result.Events, "event")} in "
            + $"{Quantity.Duration(result.Elapsed.TotalNanoseconds)}, {Quantity.Count((long)(result.Events / seconds))} events/s.");
        terminal.Next(
            TextLine.Command("query", result.Dataset, "--view", "size_histogram"),
            TextLine.Command("query", result.Dataset, "SELECT kind, count(*), sum(size) FROM allocations GROUP BY kind"));
    }
}
