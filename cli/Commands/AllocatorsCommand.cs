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
                e.Name, e.Found is not null, e.Found?.Library, e.Found?.FoundBy ?? "", e.Found?.Version ?? "", e.Found?.Package ?? "",
                e.Found?.BuildId ?? "", e.Found is null ? Install(e) : null))]));
            return ExitCode.Ok;
        }
        Table table = Terminal.NewTable(
            ("allocator", Justify.Left), ("version", Justify.Left), ("package", Justify.Left), ("build id", Justify.Left), ("found in", Justify.Left),
            ("library", Justify.Left));
        foreach (CatalogEntry entry in entries)
        {
            string library = entry.Found switch
            {
                null => $"missing: {Install(entry)}",
                { IsIdeal: true } => "none: a bump pointer's time; as memory, the live bytes that are touched",
                { IsNoop: true } => "none: calls do nothing; the harness's own cost",
                { } found => found.Library ?? "the C library's own",
            };
            string buildId = entry.Found?.BuildId is { Length: > BuildIdShown } id ? id[..BuildIdShown] : entry.Found?.BuildId ?? "";
            string?[] cells = [entry.Name, entry.Found?.Version, entry.Found?.Package, buildId, entry.Found?.FoundBy, library];
            table.Add([.. cells.Select(c => c is { Length: > 0 } ? c : "-")]);
        }
        foreach (TableColumn wide in new[] { table.Columns[2], table.Columns[^2], table.Columns[^1] })
            wide.NoWrap = false;
        terminal.Write(table);
        terminal.Note("Any other: --allocator name=/path/to/library.so.");
        terminal.Next(TextLine.Command("compare", "TRACE"));
        return ExitCode.Ok;
    }

    private static string Install(CatalogEntry entry) => $"apt-get install {entry.Package}";

    /// <param name="Allocators">Those that have a name, installed or not.</param>
    private sealed record AllocatorList(IReadOnlyList<AllocatorListing> Allocators);

    /// <param name="Name">Its name on the command line.</param>
    /// <param name="Installed">Whether this machine has it.</param>
    /// <param name="Library">The file that provides malloc, links resolved; null where there is none.</param>
    /// <param name="FoundBy">Where it was found: library directories, the linker's cache, LLVM's run-time libraries; empty where there is no file.</param>
    /// <param name="Version">Its release, as itself tells; empty where it does not.</param>
    /// <param name="Package">Debian's package of the library and its version; empty where dpkg does not know the file.</param>
    /// <param name="BuildId">Build id of the library in hexadecimal, or empty.</param>
    /// <param name="Install">Of one that is not installed: the command that installs it.</param>
    private sealed record AllocatorListing(
        string Name, bool Installed, string? Library, string FoundBy, string Version, string Package, string BuildId, string? Install);
}
