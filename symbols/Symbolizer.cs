using System.ComponentModel;
using AllocReplay.Formats;
using AllocReplay.Formats.Stacks;
using AllocReplay.Symbols.Engines;
using AllocReplay.Symbols.Jit;
using AllocReplay.Symbols.Objects;

namespace AllocReplay.Symbols;

/// <summary>Finds the functions and lines of the code that stacks have met, after the program has run.</summary>
public sealed class Symbolizer : IDisposable
{
    private readonly SymbolOptions _options;
    private readonly CancellationToken _token;
    private readonly IResolver _resolver;
    private readonly Debuginfod _debuginfod;
    private readonly SymbolCache _cache;

    /// <param name="options">Where symbols are looked for.</param>
    /// <param name="token">Ends the work.</param>
    public Symbolizer(SymbolOptions options, CancellationToken token = default)
    {
        (_options, _token) = (options, token);
        string? path = options.Resolvers.Select(HelperProcess.Find).FirstOrDefault(p => p is not null);
        _resolver = path is null ? new ElfSymbols()
            : Path.GetFileName(path).StartsWith("llvm", StringComparison.Ordinal) ? new LlvmSymbolizer(path)
            : new Addr2Line(path);
        _debuginfod = new Debuginfod(options, token);
        _cache = new SymbolCache(options.Cache);
    }

    /// <summary>Servers that did not answer, and why.</summary>
    public IReadOnlyDictionary<Uri, string> SilentServers => _debuginfod.Problems;

    /// <summary>Resolves all code of a process image's stacks.</summary>
    /// <param name="frames">The stacks.</param>
    /// <param name="process">The process.</param>
    /// <param name="stored">What is known already: it stays where nothing better is found.</param>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public SymbolResult Resolve(FrameTable frames, ProcessInfo process, SymbolTable? stored = null)
    {
        var finder = new ObjectFinder(_options, _debuginfod, process);
        var symbols = new Dictionary<CodeLocation, IReadOnlyList<FunctionLine>>((stored ?? SymbolTable.Empty).Functions);
        var modules = new List<ModuleSymbols>();
        // A module that was told in several generations is resolved once.
        ILookup<(string, string), CodeLocation> byModule = frames.Locations.ToLookup(l =>
            l.Module < 0 ? ("", "") : (frames.Modules[l.Module].BuildId, frames.Modules[l.Module].Path));
        int done = 0;
        foreach (IGrouping<(string BuildId, string Path), CodeLocation> group in byModule.OrderByDescending(g => g.Count()))
        {
            _token.ThrowIfCancellationRequested();
            CodeLocation[] locations = [.. group];
            modules.Add(locations[0].Module < 0
                ? ResolveJit(process, locations, symbols)
                : Resolve(finder, frames.Modules[locations[0].Module], locations, symbols));
            done += locations.Length;
            _options.Progress?.Report((double)done / frames.Locations.Count);
        }
        return new SymbolResult(new SymbolTable(symbols), modules);
    }

    /// <summary>Ends what was started for it.</summary>
    public void Dispose()
    {
        _resolver.Dispose();
        _debuginfod.Dispose();
    }

    private ModuleSymbols Resolve(
        ObjectFinder finder, Module module, CodeLocation[] locations, Dictionary<CodeLocation, IReadOnlyList<FunctionLine>> symbols)
    {
        string? key = _cache.KeyOf(module, _resolver.Identity, finder.Candidates(module));
        SymbolCache.Entry? kept = SymbolCache.Read(key);
        Dictionary<ulong, IReadOnlyList<FunctionLine>> known = kept?.Known.ToTable()?.Functions.ToDictionary(f => f.Key.Offset, f => f.Value) ?? [];
        foreach (ulong offset in kept?.Unknown ?? [])
            known[offset] = [];
        (string source, string? problem) = (kept?.Source ?? "", kept?.Problem);
        ulong[] offsets = [.. locations.Select(l => l.Offset).Distinct().Where(o => !known.ContainsKey(o)).Order()];
        if (offsets.Length > 0)
        {
            FoundObject found = finder.Find(module);
            (source, problem) = (found.File?.Path ?? "", found.Problem);
            if (found.File is { } file)
            {
                IReadOnlyList<IReadOnlyList<FunctionLine>> answers = [];
                IReadOnlyDictionary<string, string> names = new Dictionary<string, string>();
                try
                {
                    answers = [.. _resolver.Resolve(file.Path, [.. offsets.Select(o => file.Base + o)], _token)
                        .Select(IReadOnlyList<FunctionLine> (a) => [.. a.Select(f => f.Unversioned())])];
                    names = Demangler.Demangle(answers.SelectMany(a => a).Select(f => f.Symbol), _token);
                }
                catch (Win32Exception)
                {
                    answers = []; // what was found cannot be run
                }
                for (int i = 0; i < answers.Count; i++)
                    known[offsets[i]] = [.. answers[i].Select(f => f.Named(names))];
                if (answers.Count < offsets.Length)
                    problem = "what resolves its addresses has failed";
                else
                    Keep(key, source, problem, known);
            }
        }
        foreach (CodeLocation location in locations)
            if (known.TryGetValue(location.Offset, out IReadOnlyList<FunctionLine>? functions) && functions.Count > 0)
                Take(location, functions, symbols);
        (int named, int withLine) = Count(locations, symbols);
        if (source.Length == 0 && named > 0)
            problem = $"{problem}: what was stored stays";
        return new ModuleSymbols(module.Path, module.BuildId, locations.Length, named, withLine, source, problem);
    }

    /// <summary>Takes functions over what was known, unless that has lines and these have none.</summary>
    private static void Take(
        CodeLocation location, IReadOnlyList<FunctionLine> functions, Dictionary<CodeLocation, IReadOnlyList<FunctionLine>> symbols)
    {
        if (!(symbols.TryGetValue(location, out IReadOnlyList<FunctionLine>? known) && known[0].Line > 0 && functions[0].Line == 0))
            symbols[location] = functions;
    }

    private static (int Named, int WithLine) Count(CodeLocation[] locations, Dictionary<CodeLocation, IReadOnlyList<FunctionLine>> symbols) =>
        (locations.Count(symbols.ContainsKey), locations.Count(l => symbols.TryGetValue(l, out IReadOnlyList<FunctionLine>? f) && f[0].Line > 0));

    private static void Keep(string? key, string source, string? problem, Dictionary<ulong, IReadOnlyList<FunctionLine>> known) =>
        SymbolCache.Write(key, new SymbolCache.Entry
        {
            Source = source,
            Problem = problem,
            Known = SymbolMap.Of(new SymbolTable(known.Where(k => k.Value.Count > 0).ToDictionary(k => new CodeLocation(0, k.Key), k => k.Value))),
            Unknown = [.. known.Where(k => k.Value.Count == 0).Select(k => k.Key)],
        });

    private ModuleSymbols ResolveJit(ProcessInfo process, CodeLocation[] locations, Dictionary<CodeLocation, IReadOnlyList<FunctionLine>> symbols)
    {
        JitCode code = JitFiles.Read(_options, process);
        foreach (CodeLocation location in locations)
            if (code.At(location.Offset) is { } function)
                Take(location, [function], symbols);
        (int named, int withLine) = Count(locations, symbols);
        return new ModuleSymbols("", "", locations.Length, named, withLine, string.Join(", ", code.Sources), code.Sources.Count > 0 ? null
            : $"no perf-{process.Pid}.map or jit-{process.Pid}.dump of it (DOTNET_PerfMapEnabled=1, node --perf-basic-prof)");
    }
}
