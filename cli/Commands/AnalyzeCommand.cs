using System.CommandLine;
using AllocReplay.Analyzer.Passes;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Recorder;
using Spectre.Console;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay analyze</c>: a trace becomes a Parquet dataset, one row for each block.</summary>
internal static class AnalyzeCommand
{
    public static Command Create(Terminal terminal)
    {
        var choice = new TraceChoiceOptions(allowsAll: true);
        Option<string?> output = new("--output", "-o")
        {
            Description = "Directory to write. Default: the trace's name with .dataset for its extension, in the current directory.",
            HelpName = "dir",
        };
        Option<bool> force = new("--force")
        {
            Description = "Write into a directory that is not empty: add this process, or replace its tables. Nothing else is touched.",
        };
        Option<bool> partial = TraceArguments.Partial();
        Option<bool> json = TraceArguments.Json();
        var command = new Command("analyze", "Turn a trace into a Parquet dataset: one row for each block, with its lifetime.")
        {
            output, force, partial, json,
        };
        choice.AddTo(command);
        var symbols = new SymbolArguments();
        symbols.AddTo(command);
        Interruptible.SetAction(command, terminal, (parse, token) =>
        {
            TraceChoice chosen = choice.Of(parse);
            var options = new AnalysisOptions
            {
                Directory = parse.GetValue(output) ?? DefaultDirectory(chosen.Path),
                Force = parse.GetValue(force),
                Partial = parse.GetValue(partial),
                Symbols = reader => symbols.For(parse, reader, terminal, token),
            };
            return Run(chosen, options, parse.GetValue(json), terminal, token);
        });
        return command;
    }

    internal static string DefaultDirectory(string trace) =>
        Path.GetFileNameWithoutExtension(Path.GetFullPath(trace).TrimEnd('/')) + ".dataset";

    private static int Run(TraceChoice choice, AnalysisOptions options, bool json, Terminal terminal, CancellationToken token)
    {
        string title = $"analyzing {TextLine.Plain(choice.Path)}";
        IReadOnlyList<AnalysisResult> results;
        if (choice.Process == TraceArguments.AllProcesses)
        {
            SessionSwitch.BringIn(choice.Path);
            using Trace trace = Trace.Open(choice.Path);
            SessionAnalysis session = terminal.WithProgress(
                title, progress => Analysis.RunAllAsync(trace, choice.Range, options, progress, token).GetAwaiter().GetResult());
            results = session.Images;
            if (json)
                terminal.WriteJson("allocreplay.analyze_all/1", session);
        }
        else
        {
            using TraceReader reader = TraceArguments.Open(choice, terminal);
            AnalysisResult result = terminal.WithProgress(
                title, progress => Analysis.RunAsync(reader, options, progress, token).GetAwaiter().GetResult());
            results = [result];
            if (json)
                terminal.WriteJson("allocreplay.analyze/1", result);
        }
        if (!json)
            Print(results, terminal);
        foreach (string damage in results.Select(r => r.Damage).OfType<string>())
            terminal.Note($"allocreplay: warning: the trace is damaged, what could be read was written: {damage}");
        return ExitCode.Ok;
    }

    private static void Print(IReadOnlyList<AnalysisResult> results, Terminal terminal)
    {
        Spectre.Console.Table tables = Terminal.NewTable(
            ("table", Justify.Left), ("rows", Justify.Right), ("files", Justify.Right), ("bytes", Justify.Right), ("B/row", Justify.Right));
        // Of all processes together, which may be many: the table `process` has them one by one.
        bool hasStacks = false;
        foreach (IGrouping<string, TableResult> table in results.SelectMany(r => r.Tables).GroupBy(t => t.Name))
        {
            (long rows, long bytes) = (table.Sum(t => t.Rows), table.Sum(t => t.Bytes));
            bool isOfStacks = DatasetTables.OfStacks.Any(t => t.Name == table.Key);
            hasStacks |= isOfStacks && rows > 0;
            // Five lines of nothing for whoever did not ask for stacks.
            if (isOfStacks && rows == 0)
                continue;
            tables.Add(
                table.Key, Quantity.Count(rows), Quantity.Count(table.Sum(t => (long)t.Files)), Quantity.Bytes(bytes),
                rows == 0 ? "-" : FormattableString.Invariant($"{(double)bytes / rows:0.0}"));
        }
        terminal.Write(tables);
        long events = results.Sum(r => r.Events);
        double ns = Math.Max(results.Sum(r => r.ElapsedNs), 1);
        string processes = results.Count == 1 ? $"process={results[0].Process}" : Quantity.Count(results.Count, "process", "processes");
        terminal.Note($"Wrote {results[0].Dataset} (host={results[0].Host}, {processes}): "
            + $"{Quantity.Count(events, "event")} in {Quantity.Duration(ns)}, {Quantity.Count((long)(events / (ns / 1e9)))} events/s.");
        terminal.Next(
            TextLine.Command("query", results[0].Dataset, "--view", hasStacks ? "leak_suspects" : "size_histogram"),
            TextLine.Command("query", results[0].Dataset, "SELECT kind, count(*), sum(size) FROM allocations GROUP BY kind"));
    }
}
