using System.CommandLine;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Formats.Stacks;
using AllocReplay.Symbols;

namespace AllocReplay.Cli.Options;

/// <summary>Where the symbols of stacks come from: the trace, if they were stored in it; else this machine's files.</summary>
internal sealed class SymbolArguments
{
    private readonly Option<string?> _sysroot = new("--sysroot")
    {
        Description = "Directory with the files of the machine or container that was recorded.",
        HelpName = "dir",
    };

    private readonly Option<string[]> _debugDirectories = new("--debug-dir")
    {
        Description = "Directory of separate debug files, by build id or laid out as the object files are; may be given again.",
        HelpName = "dir",
    };

    private readonly Option<bool> _noCache = new("--no-symbol-cache") { Description = "Find symbols anew, and keep nothing of them." };

    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _sysroot, _debugDirectories, _noCache })
            command.Options.Add(option);
    }

    /// <exception cref="UsageException">A directory is none.</exception>
    public SymbolOptions Of(ParseResult parse)
    {
        string? sysroot = parse.GetValue(_sysroot);
        string[] directories = parse.GetValue(_debugDirectories) ?? [];
        if (sysroot is not null && !Directory.Exists(sysroot))
            throw new UsageException($"--sysroot {sysroot}: no such directory");
        if (directories.FirstOrDefault(d => !Directory.Exists(d)) is { } missing)
            throw new UsageException($"--debug-dir {missing}: no such directory");
        var options = new SymbolOptions { Sysroot = sysroot, DebugDirectories = directories, DebuginfodServers = [.. Servers()] };
        if (Environment.GetEnvironmentVariable("DEBUGINFOD_CACHE_PATH") is { Length: > 0 } cache)
            options = options with { DebuginfodCache = cache };
        if (int.TryParse(Environment.GetEnvironmentVariable("DEBUGINFOD_TIMEOUT"), out int seconds) && seconds > 0)
            options = options with { DebuginfodTimeout = TimeSpan.FromSeconds(seconds) };
        return parse.GetValue(_noCache) ? options with { Cache = null } : options;
    }

    /// <summary>The symbols of a process image's stacks; empty where it has none.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="reader">The process image.</param>
    /// <param name="terminal">Told what takes long.</param>
    /// <param name="token">Ends it.</param>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public SymbolTable For(ParseResult parse, TraceReader reader, Terminal terminal, CancellationToken token = default)
    {
        SymbolOptions options = Of(parse);
        if (!reader.Process.Stacks)
            return SymbolTable.Empty;
        bool isAsked = options.Sysroot is not null || options.DebugDirectories.Count > 0;
        // A recording may have gone on since its symbols were stored; a packed trace has not.
        return !isAsked && StoredIn(reader, terminal) is { Count: > 0 } stored && (reader.Trace.IsPacked || stored.Count >= reader.Frames.Locations.Count)
            ? stored
            : Resolve(reader, options, terminal, token).Symbols;
    }

    /// <summary>Resolves the code of a process image's stacks.</summary>
    /// <param name="reader">The process image.</param>
    /// <param name="options">Where symbols are looked for.</param>
    /// <param name="terminal">Told what takes long, and which server does not answer.</param>
    /// <param name="token">Ends it.</param>
    public static SymbolResult Resolve(TraceReader reader, SymbolOptions options, Terminal terminal, CancellationToken token)
    {
        int places = reader.Frames.Locations.Count;
        return terminal.WithLateProgress(
            $"symbolizing {Quantity.Count(places, "place")} of {Quantity.Count(reader.Frames.Modules.Count, "module")}",
            progress =>
            {
                using var symbolizer = new Symbolizer(options with { Progress = progress }, token);
                SymbolResult result = symbolizer.Resolve(reader.Frames, reader.Process, StoredIn(reader, terminal));
                foreach ((Uri server, string problem) in symbolizer.SilentServers)
                    terminal.Note($"allocreplay: warning: {server} was not asked further: {problem}");
                return result;
            });
    }

    private static SymbolTable StoredIn(TraceReader reader, Terminal terminal)
    {
        try
        {
            return reader.Symbols;
        }
        catch (TraceFormatException e)
        {
            terminal.Note($"allocreplay: warning: the symbols in the trace are damaged, they are found anew: {e.Message}");
            return SymbolTable.Empty;
        }
    }

    private static IEnumerable<Uri> Servers() =>
        (Environment.GetEnvironmentVariable("DEBUGINFOD_URLS") ?? "").Split([' ', '\t', '\n'], StringSplitOptions.RemoveEmptyEntries)
            .Select(u => Uri.TryCreate(u, UriKind.Absolute, out Uri? uri) ? uri : null).OfType<Uri>()
            .Where(u => u.Scheme == Uri.UriSchemeHttp || u.Scheme == Uri.UriSchemeHttps);
}
