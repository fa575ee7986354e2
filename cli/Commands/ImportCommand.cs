using System.CommandLine;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Cli.Pages;
using AllocReplay.Formats;
using AllocReplay.Formats.Import;
using AllocReplay.Formats.Summary;
using Spectre.Console;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay import</c>: what another tool recorded becomes a packed trace.</summary>
internal static class ImportCommand
{
    private const string StandardInput = "-";
    /// <summary>Importing takes about twice as long as reading what was written.</summary>
    private const double ImportShare = 0.65;

    public static Command Create(Terminal terminal)
    {
        Argument<string> file = new("file") { Description = "The trace: text, a zip archive of one text, or - for standard input." };
        Option<string> from = new("--from")
        {
            Description = "Its format: android, the text of AOSP's memory_replay; malloclab, a .rep file of CMU's malloc lab.",
            HelpName = "format",
            Required = true,
        };
        from.AcceptOnlyFromAmong([.. TraceImporter.Formats]);
        Option<string?> output = new("--output", "-o")
        {
            Description = $"File to write. Default: the file's name with {PackCommand.Extension} for its extension, in the current directory.",
            HelpName = "file",
        };
        Option<bool> force = new("--force") { Description = "Replace a file that is already there." };
        Option<bool> json = TraceArguments.Json();
        var command = new Command("import", "Turn another tool's trace into one that every command here reads.") { file, from, output, force, json };
        Interruptible.SetAction(command, terminal, (parse, token) =>
        {
            string input = parse.GetValue(file)!;
            var target = new OutputFile(parse.GetValue(output) ?? DefaultOutput(input), parse.GetValue(force));
            CheckOutput(input, target);
            return Run(parse.GetValue(from)!, input, target, parse.GetValue(json), terminal, token);
        });
        return command;
    }

    private static string DefaultOutput(string input) => input == StandardInput
        ? throw new UsageException("standard input has no name: -o FILE gives the trace one")
        : Path.GetFileNameWithoutExtension(input) + PackCommand.Extension;

    private static void CheckOutput(string input, OutputFile output)
    {
        if (input != StandardInput && Path.GetFullPath(input) == Path.GetFullPath(output.Name))
            throw new UsageException($"{output.Name}: that is the file to import; -o FILE names another");
        output.Refuse();
    }

    private static int Run(string from, string input, OutputFile target, bool json, Terminal terminal, CancellationToken token)
    {
        string output = target.Name;
        ImportSummary summary = terminal.WithProgress($"importing {input}", progress => Import(from, input, target, progress, token));
        if (json)
            terminal.WriteJson("allocreplay.import/1", summary);
        else
            Print(summary, terminal);
        terminal.Note($"Wrote {output}: {Quantity.Count(summary.Trace.Events, "event")}, {Quantity.Bytes(summary.Trace.FileBytes)}, "
            + FormattableString.Invariant($"{(double)summary.Trace.FileBytes / summary.Trace.Events:0.00} B/event."));
        terminal.Next(TextLine.Command("info", output), TextLine.Command("compare", output));
        return ExitCode.Ok;
    }

    private static ImportSummary Import(string from, string input, OutputFile target, IProgress<double> progress, CancellationToken token)
    {
        (string output, bool force) = target;
        ImportResult result;
        if (input == StandardInput)
        {
            using Stream stream = Console.OpenStandardInput();
            result = TraceImporter.Import(from, stream, "standard input", output, force, token);
        }
        else
            result = TraceImporter.Import(from, input, output, force, new Share(progress, 0, ImportShare), token);

        // The figures are what a reader finds in the file, not what the importer believes it wrote.
        using TraceReader reader = TraceReader.Open(output);
        try
        {
            TraceSummary summary = TraceSummary.Read(reader, null, new Share(progress, ImportShare, 1), token);
            return reader.Damage is { } damage
                ? throw damage
                : new ImportSummary(input, from, output, result.Lines, result.ThreadIds, new InfoReport(summary));
        }
        catch (OperationCanceledException)
        {
            throw new InterruptedException($"{output} is there and whole, its figures were not read");
        }
    }

    private static void Print(ImportSummary s, Terminal terminal)
    {
        Grid facts = Terminal.NewFacts();
        void Fact(string name, string value) => facts.Add(name, value);
        Fact("imported", $"{s.Input} ({s.From}), {Quantity.Count(s.Lines, "line")}");
        TraceSummary t = s.Trace;
        Fact("threads", Quantity.Count(t.Threads.Count) + (s.ThreadIds == t.Threads.Count ? "" : $", of {Quantity.Count(s.ThreadIds, "thread id")}"));
        Fact("calls", $"{Quantity.Count(t.Calls)}, {Quantity.Count(t.FailedCalls)} of them failed; {Quantity.Count(t.NullReleases)} released null");
        Fact("not seen", $"{Quantity.Count(t.UnknownReleases, "free")} of blocks never seen allocated, "
            + $"{Quantity.Count(t.ImplicitReleases, "address", "addresses")} reused without a free");
        terminal.Write(facts);
        Table kinds = Terminal.NewTable(("call", Justify.Left), ("count", Justify.Right));
        foreach ((string name, long count) in t.CallsByKind.OrderByDescending(k => k.Value))
            kinds.Add(name, Quantity.Count(count));
        terminal.Write(kinds);
    }

    /// <summary>A part of the work.</summary>
    private sealed class Share(IProgress<double> whole, double from, double to) : IProgress<double>
    {
        public void Report(double value) => whole.Report(from + value * (to - from));
    }
}

/// <summary>What <c>import</c> shows, in the shape that <c>import --json</c> prints.</summary>
/// <param name="Input">The file that was imported.</param>
/// <param name="From">Its format.</param>
/// <param name="Output">The file that was written.</param>
/// <param name="Lines">Lines read.</param>
/// <param name="ThreadIds">Different thread ids; each life of one is a thread of the trace.</param>
/// <param name="Trace">The trace, as <c>info --json</c> has it.</param>
internal sealed record ImportSummary(string Input, string From, string Output, long Lines, int ThreadIds, InfoReport Trace);
