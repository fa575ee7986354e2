using System.CommandLine;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Cli.Pages;
using AllocReplay.Formats;
using AllocReplay.Formats.Stacks;
using AllocReplay.Formats.Summary;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay info</c>: what a trace holds, at a glance; of a recording that goes on, up to now.</summary>
internal static class InfoCommand
{
    public static Command Create(Terminal terminal)
    {
        var choice = new TraceChoiceOptions(trace: TraceArguments.Running());
        Option<bool> threads = new("--threads") { Description = "List all threads, not the busiest alone." };
        Option<bool> images = new("--images") { Description = "List all process images, not the busiest alone." };
        Option<bool> partial = TraceArguments.Partial();
        Option<bool> json = TraceArguments.Json();
        var command = new Command("info", "Show what a trace holds.") { threads, images, partial, json };
        choice.AddTo(command);
        var symbols = new SymbolArguments();
        symbols.AddTo(command);
        command.SetAction(parse => Run(
            choice.Of(parse), reader => symbols.For(parse, reader, terminal), new InfoLists(parse.GetValue(threads), parse.GetValue(images)),
            parse.GetValue(partial), parse.GetValue(json), terminal));
        return command;
    }

    private static int Run(
        TraceChoice choice, Func<TraceReader, SymbolTable> symbolsOf, InfoLists lists, bool partial, bool json, Terminal terminal)
    {
        RunningTrace trace = RunningTrace.Of(choice);
        choice = trace.Choice;
        using TraceReader reader = TraceArguments.Open(trace, terminal);
        SymbolTable symbols = symbolsOf(reader);
        TraceSummary summary = terminal.WithProgress(
            reader, $"Reading {TextLine.Plain(choice.Path)}", progress => TraceSummary.Read(reader, symbols, progress));
        if (trace.Live is not null && choice.Range is not ({ ToNs: not null } or { ToMark: not null }))
            summary = summary with { ToNs = null }; // it was not asked for: all is shown that there is
        if (json)
            terminal.WriteJson("allocreplay.info/1", new InfoReport(summary, trace.Live));
        else
            Print(summary, trace.Live, lists, choice.Words, terminal);
        return terminal.EndOf(reader, partial);
    }

    private static void Print(TraceSummary s, LiveMoment? live, InfoLists lists, IReadOnlyList<string> target, Terminal terminal)
    {
        foreach (Spectre.Console.Rendering.IRenderable part in InfoPage.Of(s, lists, terminal.Width, live))
        {
            if (part is Spectre.Console.Table table)
                terminal.WriteWide(table);
            else
                terminal.Write(part, terminal.Width);
        }
        if (s.Calls == 0 && live is not null)
            terminal.Note("No calls were recorded so far");
        else if (s.Calls == 0 && s.Failure is not null)
            terminal.Note($"No calls were recorded: {s.Failure}.");
        else if (s.Calls == 0)
            terminal.Note("No calls were recorded: the program made none, or has an allocator linked into its executable that is not recorded"
                + (s.LinkedAllocator is null ? "" : "; 'linked in' above says what of it is"));
        else
            terminal.Next(s.Stacks
                ? [TextLine.Command(["analyze", .. target]), TextLine.Command(["export", .. target, "--format", "speedscope", "-o", "FILE"])]
                : [TextLine.Command(["compare", .. target]), TextLine.Command(["analyze", .. target, "-o", "DIR"])]);
    }
}
