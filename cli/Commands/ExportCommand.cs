using System.CommandLine;
using AllocReplay.Analyzer.Export;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Formats.Stacks;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay export</c>: the stacks of a trace as files of other tools.</summary>
internal static class ExportCommand
{
    private const string Peak = "peak", End = "end";

    public static Command Create(Terminal terminal)
    {
        var choice = new TraceChoiceOptions();
        Option<string> format = new("--format")
        {
            Description = "collapsed: a line of text a stack, for flamegraph.pl; speedscope: its JSON; pprof: go tool pprof's, with bytes and blocks; "
                + "heaptrack: every call with its time, for heaptrack_gui.",
            HelpName = "format",
            Required = true,
        };
        format.AcceptOnlyFromAmong("collapsed", "speedscope", "pprof", "heaptrack");
        Option<string?> what = new("--what")
        {
            Description = "allocated: every block acquired; live: those live at a moment, see --at; outstanding: live at the end; temporary: freed by the "
                + "thread that acquired them before it acquired another. Default: allocated. Not for heaptrack, whose file holds all of it.",
            HelpName = "blocks",
        };
        what.AcceptOnlyFromAmong("allocated", "outstanding", "live", "temporary");
        Option<string?> at = new("--at")
        {
            Description = $"With --what live: {Peak}, when most bytes are live, the first time; {End}; or a time since the start of the recording, such as "
                + $"500ms, 30s, 5m. Default: {Peak}.",
            HelpName = $"time|{Peak}|{End}",
        };
        Option<string?> unit = new("--unit")
        {
            Description = "With --format collapsed: what the numbers count, bytes or blocks. Default: bytes.",
            HelpName = "unit",
        };
        unit.AcceptOnlyFromAmong("bytes", "blocks");
        Option<string?> output = new("--output", "-o") { Description = "File to write. Default: standard output.", HelpName = "file" };
        Option<bool> force = new("--force") { Description = "Replace a file that is already there." };
        Option<bool> partial = TraceArguments.Partial();
        Option<bool> json = new("--json") { Description = "With -o: print JSON, of what was written." };
        var command = new Command("export", "Export stacks for flame graphs, pprof or heaptrack. Needs a trace that was recorded with --stacks.")
        {
            format, what, at, unit, output, force, partial, json,
        };
        choice.AddTo(command);
        var symbols = new SymbolArguments();
        symbols.AddTo(command);
        Interruptible.SetAction(command, terminal, (parse, token) =>
        {
            OutputFile? file = parse.GetValue(output) is { } name ? new OutputFile(name, parse.GetValue(force)) : null;
            var target = new ExportTarget(Enum.Parse<ExportFormat>(parse.GetValue(format)!, ignoreCase: true), file);
            (BlockSelection? selection, WeightUnit weight) = Select(target.Format, parse.GetValue(what), parse.GetValue(at), parse.GetValue(unit));
            if (parse.GetValue(json) && file is null)
                throw new UsageException("--json: what is exported goes to standard output already; -o FILE writes it to a file");
            target.Refuse();
            return Run(
                choice.Of(parse), target, selection, weight, reader => symbols.For(parse, reader, terminal, token), parse.GetValue(partial),
                parse.GetValue(json), terminal, token);
        });
        return command;
    }

    /// <summary>Which blocks, null for all with their history, and what is counted of them.</summary>
    /// <exception cref="UsageException">The options do not go together.</exception>
    private static (BlockSelection? Selection, WeightUnit Unit) Select(ExportFormat format, string? what, string? at, string? unit)
    {
        if (unit is not null && format != ExportFormat.Collapsed)
            throw new UsageException("--unit: is for --format collapsed alone; the others have bytes and blocks both");
        WeightUnit weight = unit == "blocks" ? WeightUnit.Blocks : WeightUnit.Bytes;
        if (format == ExportFormat.Heaptrack)
        {
            return what is null && at is null ? (null, weight) : throw new UsageException(
                $"{(what is null ? "--at" : "--what")}: does not go with --format heaptrack, whose file holds every block: heaptrack_gui chooses there");
        }
        SelectedBlocks blocks = what is null ? SelectedBlocks.Allocated : Enum.Parse<SelectedBlocks>(what, ignoreCase: true);
        if (at is not null && blocks != SelectedBlocks.Live)
            throw new UsageException("--at: goes with --what live");
        return (at switch
        {
            null or Peak => new BlockSelection(blocks),
            End => new BlockSelection(SelectedBlocks.Outstanding),
            _ => new BlockSelection(blocks, Quantity.ParseTime("--at", at).Ticks * TimeSpan.NanosecondsPerTick),
        }, weight);
    }

    private static int Run(TraceChoice choice, ExportTarget target, BlockSelection? selection, WeightUnit unit, Func<TraceReader, SymbolTable> symbolsOf,
        bool partial, bool json, Terminal terminal, CancellationToken token)
    {
        using TraceReader reader = TraceArguments.Open(choice, terminal);
        if (selection?.AtNs < reader.Carried?.UntilNs)
            throw new UsageException($"--at: {reader.Path} is whole from {Quantity.Duration(reader.Carried.UntilNs)} on alone: name a moment there");
        SymbolTable symbols = symbolsOf(reader);
        string title = $"Reading {TextLine.Plain(choice.Path)}";
        // The file is begun before the trace is read, which may take long: that it cannot be written is known at once.
        ExportSummary summary = target.Write(terminal, output =>
        {
            if (selection is null)
            {
                HeaptrackWriter written = terminal.WithProgress(reader, title,
                    progress => HeaptrackWriter.Write(reader, output, symbols, partial, progress, token));
                return new ExportSummary(target, null, written.Blocks, written.Bytes, written.Stacks, null, reader.Damage?.Message);
            }
            StackProfile profile = terminal.WithProgress(reader, title,
                progress => StackProfile.Read(reader, selection, symbols, partial, progress, token));
            Write(profile, target.Format, unit, $"{Path.GetFileName(choice.Path.TrimEnd('/'))}, {Word(selection)}", output);
            return new ExportSummary(target, Word(selection), profile.Blocks, profile.Bytes, profile.Weights.Count, profile.AtNs, reader.Damage?.Message);
        });
        if (json)
            terminal.WriteJson("allocreplay.export/1", summary);
        Note(summary, target, reader, terminal);
        return ExitCode.Ok;
    }

    private static void Write(StackProfile profile, ExportFormat format, WeightUnit unit, string name, Stream output)
    {
        if (format == ExportFormat.Collapsed)
            CollapsedWriter.Write(profile, unit, output);
        else if (format == ExportFormat.Speedscope)
            SpeedscopeWriter.Write(profile, name, output);
        else
            PprofWriter.Write(profile, output);
    }

    private static void Note(ExportSummary summary, ExportTarget target, TraceReader reader, Terminal terminal)
    {
        if (summary.Damage is not null)
            terminal.Note($"allocreplay: warning: the trace is damaged, what could be read was exported: {summary.Damage}");
        if (reader.Process.Sampling.IsSample)
            terminal.Note($"allocreplay: {SampleText.FiguresAreOfThose(reader.Process.Sampling)}");
        if (reader.Carried is { } carried)
        {
            terminal.Note($"allocreplay: whole from {Quantity.Duration(carried.UntilNs)} on; of {Quantity.Count(carried.EventsGone, "event")} before, which "
                + $"are gone, the blocks that were live then are {(summary.What switch
                {
                    null => "told as acquired at the beginning, from which times count",
                    "allocated" or "temporary" => "left out: --what live and --what outstanding have them",
                    _ => "there",
                })}");
        }
        if (summary.Blocks == 0)
            terminal.Note("allocreplay: there are no such blocks: what was written is empty");
        string blocks = Quantity.Count(summary.Blocks, summary.What is null ? "block" : $"{summary.What} block");
        string moment = summary.AtNs is { } ns ? $" at {Quantity.Duration(ns)}" : "";
        terminal.Note($"allocreplay: exported {summary.File ?? "to standard output"}: {blocks}{moment}, {Quantity.Bytes((long)summary.Bytes)}, "
            + $"{Quantity.Count(summary.Stacks, "stack")}; open it with: {target.Opener}");
    }

    private static string Word(BlockSelection selection) => selection.Blocks.ToString().ToLowerInvariant();
}

/// <summary>What <c>export --json</c> prints.</summary>
/// <param name="File">The file that was written.</param>
/// <param name="Format">Its format: collapsed, speedscope, pprof or heaptrack.</param>
/// <param name="What">Which blocks: allocated, outstanding, live or temporary; null where it is the whole history.</param>
/// <param name="Blocks">How many they are.</param>
/// <param name="Bytes">Bytes requested for them.</param>
/// <param name="Stacks">Different stacks that they were acquired with.</param>
/// <param name="AtNs">Of live blocks: the moment, since the start of the recording; else null.</param>
/// <param name="Damage">The first damage of the trace, of which only the readable was exported; null where it has none.</param>
internal sealed record ExportSummary(
    string? File, ExportFormat Format, string? What, long Blocks, ulong Bytes, int Stacks, long? AtNs, string? Damage)
{
    public ExportSummary(ExportTarget target, string? what, long blocks, ulong bytes, int stacks, long? atNs, string? damage)
        : this(target.File?.Name, target.Format, what, blocks, bytes, stacks, atNs, damage)
    {
    }
}
