using System.CommandLine;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Formats.Stacks;
using AllocReplay.Recorder;
using AllocReplay.Symbols;
using Spectre.Console;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay symbolize</c>: functions and lines go into the trace, so that it can be read anywhere.</summary>
internal static class SymbolizeCommand
{
    private const int ModuleRows = 20;

    public static Command Create(Terminal terminal)
    {
        Argument<string> trace = TraceArguments.Trace();
        var symbols = new SymbolArguments();
        Option<bool> json = TraceArguments.Json();
        var command = new Command("symbolize", "Store functions and lines of its stacks in a trace, so that it can be read on another machine.")
        {
            trace, json,
        };
        symbols.AddTo(command);
        Interruptible.SetAction(command, terminal, (parse, token) => Run(parse.GetValue(trace)!, symbols.Of(parse), parse.GetValue(json), terminal, token));
        return command;
    }

    private static int Run(string path, SymbolOptions options, bool json, Terminal terminal, CancellationToken token)
    {
        SessionSwitch.BringIn(path);
        using Trace trace = Trace.Open(path);
        var images = new List<ImageSymbols>();
        var tables = new Dictionary<string, SymbolTable>();
        foreach (ProcessImage image in trace.Images)
        {
            using TraceReader reader = trace.OpenImage(image.Name);
            if (!reader.Process.Stacks)
                continue;
            SymbolResult result = SymbolArguments.Resolve(reader, options, terminal, token);
            images.Add(new ImageSymbols(image.Name, result.Modules));
            tables.Add(image.Name, result.Symbols);
        }
        if (images.Count == 0)
            throw new StacksNotRecordedException(path);
        SymbolStore.Write(trace, tables);
        var summary = new SymbolizeSummary(path, images);
        if (json)
            terminal.WriteJson("allocreplay.symbolize/1", summary);
        else
            Print(summary, terminal);
        return ExitCode.Ok;
    }

    private static void Print(SymbolizeSummary summary, Terminal terminal)
    {
        var rows = new List<string[]>();
        // The same library is in many process images.
        var modules = summary.Images.SelectMany(i => i.Modules).GroupBy(m => (m.Module, m.BuildId)).OrderByDescending(g => g.Sum(m => m.Locations)).ToList();
        foreach (var module in modules.Take(ModuleRows))
        {
            ModuleSymbols first = module.First();
            string name = first.Module.Length == 0 ? "(made at run time)" : Path.GetFileName(first.Module);
            string from = first.Source == first.Module || first.Source.Length == 0 ? "" : first.Source;
            rows.Add([name, Quantity.Count(module.Sum(m => (long)m.Locations)), Quantity.Count(module.Sum(m => (long)m.Named)),
                Quantity.Count(module.Sum(m => (long)m.WithLine)),
                string.Join("; ", new[] { first.Problem ?? "", from }.Where(t => t.Length > 0))]);
        }
        terminal.Write(FittedTable.Of([("module", Justify.Left), ("places", Justify.Right), ("functions", Justify.Right), ("lines", Justify.Right),
            ("symbols", Justify.Left)], rows, terminal.Width));
        if (modules.Count > ModuleRows)
            terminal.Line($"  and {Quantity.Count(modules.Count - ModuleRows, "module")} more: --json");
        (long places, long named) = (modules.Sum(m => m.Sum(x => (long)x.Locations)), modules.Sum(m => m.Sum(x => (long)x.Named)));
        terminal.Note($"allocreplay: {summary.Trace} now has the functions of {Quantity.Count(named)} of {Quantity.Count(places, "place")} "
            + "that its stacks pass");
        if (modules.Any(m => m.First().Problem is not null && m.First().Module.Length > 0))
            terminal.Note("Debug files: --debug-dir DIR, or DEBUGINFOD_URLS for a distribution's; files of another machine or container: --sysroot DIR");
        terminal.Next(TextLine.Command("info", summary.Trace));
    }
}

/// <summary>What <c>symbolize --json</c> prints.</summary>
/// <param name="Trace">The trace, which has the symbols now.</param>
/// <param name="Images">Its process images that have stacks, busiest first.</param>
internal sealed record SymbolizeSummary(string Trace, IReadOnlyList<ImageSymbols> Images);

/// <summary>The symbols of a process image.</summary>
/// <param name="Image">Its name.</param>
/// <param name="Modules">What became of each module, that with the most places first.</param>
internal sealed record ImageSymbols(string Image, IReadOnlyList<ModuleSymbols> Modules);
