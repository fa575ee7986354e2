using System.CommandLine;
using AllocReplay.Analyzer.Parquet;
using AllocReplay.Analyzer.Passes;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Formats.Statistics;
using AllocReplay.Recorder;
using AllocReplay.Replayer;
using Spectre.Console;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay analyze</c>: a trace becomes a Parquet dataset, one row for each block.</summary>
internal static class AnalyzeCommand
{
    /// <summary>Process images of which it is said what a sample comes to; the table <c>process</c> has all.</summary>
    private const int EstimateLines = 3;

    public static Command Create(Terminal terminal)
    {
        var choice = new TraceChoiceOptions(allowsAll: true, isAll: true);
        Option<string?> output = new("--output", "-o")
        {
            Description = "Directory to write. Default: the trace's name with .dataset for its extension, in the current directory.",
            HelpName = "dir",
        };
        Option<bool> force = new("--force")
        {
            Description = "Write into a directory that is not empty: add this process, or replace its tables. Nothing else is touched.",
        };
        Option<bool> events = new("--events")
        {
            Description = "Write the table events too: one row for each event of the trace, which are more bytes than all the rest.",
        };
        Option<string> compression = new("--compression")
        {
            Description = $"How the files are compressed: {string.Join(", ", ValueName.All<DatasetCompression>())}.",
            HelpName = "codec",
            DefaultValueFactory = _ => ValueName.Of(DatasetCompression.Zstd),
        };
        compression.AcceptOnlyFromAmong([.. ValueName.All<DatasetCompression>()]);
        Option<int?> threads = new("--threads")
        {
            Description = "Threads that compress and write, beside one that reads and one that matches: 1 or more. Default: the cores, 4 at the most.",
            HelpName = "n",
        };
        Option<bool> partial = TraceArguments.Partial();
        Option<bool> json = TraceArguments.Json();
        var command = new Command("analyze", "Turn a trace into a Parquet dataset: one row for each block, with its lifetime.")
        {
            output, force, events, compression, threads, partial, json,
        };
        choice.AddTo(command);
        var symbols = new SymbolArguments();
        symbols.AddTo(command);
        Interruptible.SetAction(command, terminal, (parse, token) =>
        {
            TraceChoice chosen = choice.Of(parse);
            if (parse.GetValue(threads) is < 1)
                throw new UsageException($"--threads {parse.GetValue(threads)}: expected 1 or more");
            var options = new AnalysisOptions
            {
                Events = parse.GetValue(events),
                Compression = ValueName.Parse<DatasetCompression>(parse.GetValue(compression)!) ?? default,
                Directory = parse.GetValue(output) ?? DefaultDirectory(chosen.Path),
                Force = parse.GetValue(force),
                Partial = parse.GetValue(partial),
                Symbols = reader => symbols.For(parse, reader, terminal, token),
            };
            if (parse.GetValue(threads) is { } writers)
                options = options with { WriterThreads = writers };
            return Run(chosen, options, parse.GetValue(json), terminal, token);
        });
        return command;
    }

    internal static string DefaultDirectory(string trace) =>
        Path.GetFileNameWithoutExtension(Path.GetFullPath(trace).TrimEnd('/')) + ".dataset";

    private static int Run(TraceChoice choice, AnalysisOptions options, bool json, Terminal terminal, CancellationToken token)
    {
        string title = $"analyzing {TextLine.Plain(choice.Path)}";
        SessionAnalysis session;
        if (choice.Process == TraceArguments.AllProcesses)
        {
            SessionSwitch.BringIn(choice.Path);
            using Trace trace = Trace.Open(choice.Path);
            session = terminal.WithProgress(
                title, progress => Analysis.RunAllAsync(trace, choice.Range, options, progress, token).GetAwaiter().GetResult());
        }
        else
        {
            using TraceReader reader = TraceArguments.Open(choice, terminal);
            AnalysisResult result = terminal.WithProgress(
                title, progress => Analysis.RunAsync(reader, options, progress, token).GetAwaiter().GetResult());
            session = new SessionAnalysis(options.Directory, [result], []);
        }
        if (json)
            terminal.WriteJson("allocreplay.analyze/2", session);
        else
            Print(session.Images, terminal);
        if (session.Without.Count > 0)
            terminal.Note($"Note: nothing was written of {Quantity.Count(session.Without.Count, "process image", "process images")} without that part: "
                + session.Without[0].Reason + (session.Without.Count > 1 ? ", …" : ""));
        foreach (string damage in session.Images.Select(r => r.Damage).OfType<string>())
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
        foreach (AnalysisResult result in results.Where(r => r.Sampling.IsSample).Take(EstimateLines))
        {
            EstimatedBlocks e = result.Estimates;
            terminal.Note($"Of {TextLine.Plain(result.Process)}, {SampleText.Of(result.Sampling)} was recorded: in all {SampleText.Count(e.Blocks)} blocks of "
                + $"{SampleText.Bytes(e.Bytes)}, {SampleText.Count(e.LiveBlocks)} of {SampleText.Bytes(e.LiveBytes)} live at the end.");
        }
        terminal.Next(
            TextLine.Command("query", results[0].Dataset, "--view", hasStacks ? "leak_suspects" : "size_histogram"),
            TextLine.Command("query", results[0].Dataset, "SELECT kind, count(*), sum(size) FROM allocations GROUP BY kind"));
    }
}
