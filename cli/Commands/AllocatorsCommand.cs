using System.CommandLine;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Replayer.Allocators;
using Spectre.Console;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay allocators</c>: the allocators that have a name, and whether this machine has them.</summary>
internal static class AllocatorsCommand
{
    private const int BuildIdShown = 8;

    public static Command Create(Terminal terminal)
    {
        Option<bool> json = TraceArguments.Json();
        var command = new Command("allocators", "List the allocators that replay and compare know by name.") { json };
        command.SetAction(parse => Run(parse.GetValue(json), terminal));
        return command;
    }

    private static int Run(bool json, Terminal terminal)
    {
        IReadOnlyList<CatalogEntry> entries = AllocatorCatalog.List();
        if (json)
        {
            terminal.WriteJson("allocreplay.allocators/1", new AllocatorList([.. entries.Select(e => new AllocatorListing(
                e.Name, e.Found is not null, e.Found?.Library, e.Found?.Version ?? "", e.Found?.BuildId ?? "",
                e.Found is null ? Install(e) : null))]));
            return ExitCode.Ok;
        }
        Table table = Terminal.NewTable(
            ("allocator", Justify.Left), ("version", Justify.Left), ("build id", Justify.Left), ("library", Justify.Left));
        foreach (CatalogEntry entry in entries)
        {
            string library = entry.Found switch
            {
                null => $"missing: {Install(entry)}",
                { IsNoop: true } => "none: calls do nothing; the harness's own cost",
                { } found => found.Library ?? "the C library's own",
            };
            string buildId = entry.Found?.BuildId is { Length: > 0 } id ? id[..Math.Min(BuildIdShown, id.Length)] : "-";
            string version = entry.Found?.Version is { Length: > 0 } v ? v : "-";
            table.Add(entry.Name, version, buildId, library);
        }
        terminal.Write(table);
        terminal.Note("Any other: --allocator name=/path/to/library.so.");
        terminal.Next(TextLine.Command("compare", "TRACE"));
        return ExitCode.Ok;
    }

    private static string Install(CatalogEntry entry) => $"apt-get install {entry.Package}";

    private sealed record AllocatorList(IReadOnlyList<AllocatorListing> Allocators);

    private sealed record AllocatorListing(string Name, bool Installed, string? Library, string Version, string BuildId, string? Install);
}
