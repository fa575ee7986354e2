using System.CommandLine;
using AllocReplay.Formats;
using Spectre.Console;

namespace AllocReplay.Cli;

/// <summary><c>allocreplay import</c>: what another tool recorded becomes a packed trace.</summary>
internal static class ImportCommand
{
    private const string StandardInput = "-";
    private const string Extension = ".alloctrace";

    /// <summary>As a shell reports a command that was interrupted.</summary>
    private const int Interrupted = 130;

    /// <summary>Importing takes about twice as long as reading what was written.</summary>
    private const double ImportShare = 0.65;

    private const int EventsPerReport = 1 << 16;

    public static Command Create(Terminal terminal)
    {
        Argument<string> file = new("file") { Description = "The trace: text, a zip archive of one text, or - for standard input." };
        Option<string> from = new("--from")
        {
            Description = "Its format: android, the text of AOSP's memory_replay; malloclab, a .rep file of CMU's malloc lab.",
            Required = true,
        };
        from.AcceptOnlyFromAmong([.. TraceImporter.Formats]);
        Option<string?> output = new("--output", "-o")
        {
            Description = $"File to write. Default: the file's name with {Extension} for its extension, in the current directory.",
            HelpName = "file",
        };
        Option<bool> force = new("--force") { Description = "Replace a file that is already there." };
        Option<bool> json = TraceArguments.Json();
        var command = new Command("import", "Turn another tool's trace into one that every command here reads.") { file, from, output, force, json };
        command.SetAction((parse, token) =>
        {
            string input = parse.GetValue(file)!;
            string target = parse.GetValue(output) ?? DefaultOutput(input);
            CheckOutput(input, target, parse.GetValue(force));
            // On a thread of its own: signals are only handled once the action has returned its task.
            return Task.Run(() => Run(parse.GetValue(from)!, input, target, parse.GetValue(json), terminal, token), CancellationToken.None);
        });
        return command;
    }

    private static string DefaultOutput(string input) => input == StandardInput
        ? throw new UsageException("standard input has no name: -o FILE gives the trace one")
        : Path.GetFileNameWithoutExtension(input) + Extension;

    private static void CheckOutput(string input, string output, bool force)
    {
        if (Directory.Exists(output))
            throw new UsageException($"{output}: there is a directory of that name");
        if (!File.Exists(output))
            return;
        if (input != StandardInput && Path.GetFullPath(input) == Path.GetFullPath(output))
            throw new UsageException($"{output}: that is the file to import; -o FILE names another");
        if (!force)
            throw new UsageException($"{output}: there is a file of that name; --force replaces it");
    }

    private static int Run(string from, string input, string output, bool json, Terminal terminal, CancellationToken token)
    {
        ImportSummary summary;
        try
        {
            summary = terminal.WithProgress($"importing {input}", progress => Import(from, input, output, progress, token));
        }
        catch (OperationCanceledException)
        {
            terminal.Note("allocreplay: interrupted; nothing was written");
            return Interrupted;
        }
        if (json)
            terminal.WriteJson(summary);
        else
            Print(summary, terminal);
        terminal.Note($"Wrote {output}: {Quantity.Count(summary.Events)} events, {Quantity.Bytes(summary.Bytes)}, {summary.BytesPerEvent:0.00} B/event.");
        terminal.Note($"Next: allocreplay info {output}   or   allocreplay compare {output}");
        return ExitCode.Ok;
    }

    private static ImportSummary Import(string from, string input, string output, IProgress<double> progress, CancellationToken token)
    {
        ImportResult result;
        if (input == StandardInput)
        {
            using Stream stream = Console.OpenStandardInput();
            result = TraceImporter.Import(from, stream, "standard input", output, token);
        }
        else
            result = TraceImporter.Import(from, input, output, new Share(progress), token);

        // The figures are what a reader finds in the file, not what the importer believes it wrote.
        using TraceReader reader = TraceReader.Open(output);
        var statistics = new TraceStatistics();
        while (reader.Read(out TraceEvent e))
        {
            statistics.Add(e);
            if (statistics.Events % EventsPerReport == 0)
                progress.Report(ImportShare + (1 - ImportShare) * statistics.Events / result.Events);
        }
        return reader.Damage is { } damage
            ? throw damage
            : ImportSummary.Of(input, output, from, result, TraceSummary.Of(reader, statistics));
    }

    private static void Print(ImportSummary s, Terminal terminal)
    {
        var facts = new Grid().AddColumn(new GridColumn { NoWrap = true }).AddColumn();
        void Fact(string name, string value) => facts.AddRow(Markup.Escape(name), Markup.Escape(value));
        Fact("imported", $"{s.Input} ({s.From}), {Quantity.Count(s.Lines)} lines");
        Fact("threads", Quantity.Count(s.Threads) + (s.ThreadIds == s.Threads ? "" : $", of {Quantity.Count(s.ThreadIds)} thread ids"));
        Fact("calls", $"{Quantity.Count(s.Calls)}, {Quantity.Count(s.FailedCalls)} of them failed; {Quantity.Count(s.NullReleases)} released null");
        Fact("not seen", $"{Quantity.Count(s.UnknownReleases)} frees of blocks never seen allocated, {Quantity.Count(s.ImplicitReleases)} addresses reused without a free");
        terminal.Write(facts);
        Table kinds = Terminal.NewTable(("call", Justify.Left), ("count", Justify.Right));
        foreach ((string name, long count) in s.CallsByKind.OrderByDescending(k => k.Value))
            kinds.AddRow(Markup.Escape(name), Quantity.Count(count));
        terminal.Write(kinds);
    }

    /// <summary>The first part of the work.</summary>
    private sealed class Share(IProgress<double> whole) : IProgress<double>
    {
        public void Report(double value) => whole.Report(value * ImportShare);
    }
}

/// <summary>What <c>import</c> shows, in the shape that <c>import --json</c> prints.</summary>
internal sealed record ImportSummary
{
    public required string Input { get; init; }
    public required string From { get; init; }
    public required string Output { get; init; }
    public required long Lines { get; init; }
    public required long Events { get; init; }
    public required long Bytes { get; init; }
    public required double BytesPerEvent { get; init; }
    /// <summary>Each life of a thread id is one.</summary>
    public required int Threads { get; init; }
    public required int ThreadIds { get; init; }
    public required bool Latency { get; init; }
    public required long Calls { get; init; }
    /// <summary>Calls by name; a reallocation counts once.</summary>
    public required IReadOnlyDictionary<string, long> CallsByKind { get; init; }
    public required long FailedCalls { get; init; }
    public required long NullReleases { get; init; }
    public required long UnknownReleases { get; init; }
    public required long ImplicitReleases { get; init; }
    public required long Parks { get; init; }
    public required long ForcedSteps { get; init; }

    public static ImportSummary Of(string input, string output, string from, ImportResult result, TraceSummary trace) => new()
    {
        Input = input,
        From = from,
        Output = output,
        Lines = result.Lines,
        Events = trace.Events,
        Bytes = result.Bytes,
        BytesPerEvent = (double)result.Bytes / trace.Events,
        Threads = result.Threads,
        ThreadIds = result.ThreadIds,
        Latency = trace.Latency,
        Calls = trace.Calls,
        CallsByKind = trace.CallsByKind,
        FailedCalls = trace.FailedCalls,
        NullReleases = trace.NullReleases,
        UnknownReleases = trace.UnknownReleases,
        ImplicitReleases = trace.ImplicitReleases,
        Parks = trace.Parks,
        ForcedSteps = trace.ForcedSteps,
    };
}
