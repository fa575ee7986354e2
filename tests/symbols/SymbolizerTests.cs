using System.Globalization;
using AllocReplay.Formats;
using AllocReplay.Formats.Stacks;
using AllocReplay.Symbols;
using AllocReplay.Symbols.Engines;
using AllocReplay.Symbols.Objects;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Symbols;

/// <summary>Functions and lines of code, by whatever resolves them and wherever its file is; and never those of another build.</summary>
[StartsProcesses]
public sealed class SymbolizerTests : IDisposable
{
    private const string Id = "-Wl,--build-id=sha1";

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    private SymbolOptions Options => new() { Cache = null, DebuginfodCache = _directory["fetched"] };

    [Theory]
    [InlineData("llvm-symbolizer", "-pie")]
    [InlineData("llvm-symbolizer", "-no-pie")]
    [InlineData("addr2line", "-pie")]
    [InlineData("addr2line", "-no-pie")]
    public void A_resolver_tells_functions_and_lines(string resolver, string form)
    {
        Programs.Need(resolver, "c++filt");
        string program = Build("-g", form);
        SymbolResult result = Resolve(program, Options with { Resolvers = [resolver] }, out var expected);
        foreach ((ulong offset, int line, string name) in expected)
        {
            IReadOnlyList<FunctionLine> functions = FunctionsAt(result, offset);
            Assert.Equal((name, line, "symbols.cpp"), (functions[0].Function, functions[0].Line, Path.GetFileName(functions[0].File)));
            Assert.Equal(name == "inlined()" ? ["inlined()", "plain"] : [name], functions.Select(f => f.Function));
        }
        ModuleSymbols module = Assert.Single(result.Modules);
        Assert.Equal((program, expected.Count, expected.Count, expected.Count, program, null),
            (module.Module, module.Locations, module.Named, module.WithLine, module.Source, module.Problem));
    }

    [Theory]
    [InlineData("-pie")]
    [InlineData("-no-pie")]
    public void Without_a_resolver_symbol_tables_tell_functions(string form)
    {
        SymbolResult result = Resolve(Build(form), Options with { Resolvers = [] }, out var expected);
        foreach ((ulong offset, _, string name) in expected)
        {
            FunctionLine function = Assert.Single(FunctionsAt(result, offset));
            Assert.Equal((name == "inlined()" ? "plain" : name, 0), (function.Function, function.Line));
        }
        Assert.Equal("no line numbers in it", Assert.Single(result.Modules).Problem);
    }

    [Fact]
    public void A_stripped_program_has_no_names_and_says_so()
    {
        SymbolResult result = Resolve(Build("-s"), Options, out var expected);
        Assert.Equal(0, result.Symbols.Count);
        Assert.Equal("it is stripped: exported functions only", Assert.Single(result.Modules).Problem);
        Frame frame = CodeFrames.In("/bin/symbols", "", expected[0].Offset).Of(2, out _)[0];
        Assert.Equal($"symbols+0x{expected[0].Offset:x}", Assert.Single(result.Symbols.Lines([frame])).Name);
    }

    [Fact]
    public void Another_build_at_the_path_is_not_taken()
    {
        string program = Build("-g"), other = Build("-g", "-DOTHER", "-O2");
        (List<(ulong Offset, int, string)> expected, string id) = (Expected(program), ObjectFile.Open(program)!.BuildId);
        SymbolResult result = Resolve(CodeFrames.In(other, id, [.. expected.Select(e => e.Offset)]), Options);
        Assert.Equal(0, result.Symbols.Count);
        Assert.StartsWith($"another build is there: expected build id {id}, found ", Assert.Single(result.Modules).Problem, StringComparison.Ordinal);
    }

    /// <summary>Without a build id a file counts as long as it is older than the recording.</summary>
    [Fact]
    public void Without_a_build_id_a_newer_file_is_not_taken()
    {
        string program = Targets.Build("symbols.cpp", "-g", "-Wl,--build-id=none");
        FrameTable frames = CodeFrames.In(program, "", [.. Expected(program).Select(e => e.Offset)]);
        using var symbolizer = new Symbolizer(Options, TestContext.Current.CancellationToken);
        DateTimeOffset written = File.GetLastWriteTimeUtc(program);
        Assert.True(symbolizer.Resolve(frames, Process(written.AddSeconds(1))).Symbols.Count > 0);
        SymbolResult result = symbolizer.Resolve(frames, Process(written.AddSeconds(-1)));
        Assert.Equal((0, "it has no build id, and was written after the program or its recording began"), (result.Symbols.Count, result.Modules[0].Problem));
    }

    [Theory]
    [InlineData(".build-id/XX/YY.debug")]
    [InlineData("XX/YY.debug")]
    public void A_separate_debug_file_is_found_by_build_id(string place)
    {
        Programs.Need("objcopy");
        string program = Build("-g"), id = ObjectFile.Open(program)!.BuildId, stripped = _directory["stripped"];
        string name = place.Replace("XX", id[..2], StringComparison.Ordinal).Replace("YY", id[2..], StringComparison.Ordinal);
        string debug = _directory[Path.Combine("debug", name)];
        Directory.CreateDirectory(Path.GetDirectoryName(debug)!);
        ObjCopy("--only-keep-debug", program, debug);
        ObjCopy("--strip-all", program, stripped);
        List<(ulong Offset, int Line, string)> expected = Expected(program);
        FrameTable frames = CodeFrames.In(stripped, id, [.. expected.Select(e => e.Offset)]);

        Assert.Equal(0, Resolve(frames, Options).Symbols.Count); // the control
        SymbolResult result = Resolve(frames, Options with { DebugDirectories = [_directory["debug"]] });
        Assert.Equal(expected.Select(e => e.Line), expected.Select(e => FunctionsAt(result, e.Offset)[0].Line));
        Assert.Equal(debug, Assert.Single(result.Modules).Source);
        // It is enough without the program.
        File.Delete(stripped);
        Assert.Equal(expected.Count, Resolve(frames, Options with { DebugDirectories = [_directory["debug"]] }).Symbols.Count);
    }

    [Theory]
    [InlineData(".debug/symbols.debug")]
    [InlineData("symbols.debug")]
    public void A_separate_debug_file_is_found_by_its_name_and_checksum(string place)
    {
        Programs.Need("objcopy");
        string program = Targets.Build("symbols.cpp", "-g", "-Wl,--build-id=none"), stripped = _directory["stripped"], debug = _directory[place];
        Directory.CreateDirectory(Path.GetDirectoryName(debug)!);
        ObjCopy("--only-keep-debug", program, debug);
        Assert.Equal(0, Programs.Run("objcopy", ["--strip-all", $"--add-gnu-debuglink={debug}", program, stripped]).ExitCode);
        FrameTable frames = CodeFrames.In(stripped, "", [.. Expected(program).Select(e => e.Offset)]);
        Assert.Equal(debug, Assert.Single(Resolve(frames, Options).Modules).Source);

        File.AppendAllText(debug, "x"); // another file than was meant
        Assert.Equal(0, Resolve(frames, Options).Symbols.Count);
    }

    /// <summary>A container's files: what its links lead to lies in it, too.</summary>
    [Fact]
    public void Files_below_a_sysroot_are_found_through_its_links()
    {
        string program = Build("-g"), root = _directory["root"];
        Directory.CreateDirectory(Path.Combine(root, "opt", "real"));
        File.Copy(program, Path.Combine(root, "opt", "real", "shop"));
        File.CreateSymbolicLink(Path.Combine(root, "opt", "shop"), "/opt/real/shop");
        List<(ulong Offset, int, string)> expected = Expected(program);
        FrameTable frames = CodeFrames.In("/opt/shop", ObjectFile.Open(program)!.BuildId, [.. expected.Select(e => e.Offset)]);
        Assert.Equal("no such file", Assert.Single(Resolve(frames, Options).Modules).Problem); // the control
        Assert.Equal(expected.Count, Resolve(frames, Options with { Sysroot = root }).Symbols.Count);
    }

    /// <summary>A container's, while it runs: its process id is the one that it has there, and its files are seen by nobody else.</summary>
    [Fact]
    public void Files_that_only_the_running_program_sees_are_found()
    {
        string[] namespaces = ["--mount", "--pid", "--fork"];
        Programs.Need("unshare", "mount");
        Assert.SkipUnless(Programs.Run("unshare", [.. namespaces, "true"]).ExitCode == 0, "this user may not make namespaces");
        string program = Build("-g"), own = _directory["own"];
        Directory.CreateDirectory(own);
        using var running = new RunningProgram("unshare", [.. namespaces, "sh", "-c",
            "mount --make-rprivate / && mount -t tmpfs tmpfs $2 && mkdir $2/real && cp $1 $2/real && ln -s $2/real $2/app && cp $(command -v cat) $2/waiting "
            + "&& echo runs && exec $2/waiting", "sh", program, own]);
        List<(ulong Offset, int, string)> expected = Expected(program);
        FrameTable frames = CodeFrames.In($"{own}/app/{Path.GetFileName(program)}", ObjectFile.Open(program)!.BuildId, [.. expected.Select(e => e.Offset)]);
        ProcessInfo recorded = Process(DateTimeOffset.UtcNow, pid: 1) with { Executable = $"{own}/waiting" };
        using var symbolizer = new Symbolizer(Options, TestContext.Current.CancellationToken);

        Assert.Equal(expected.Count, symbolizer.Resolve(frames, recorded).Symbols.Count);
        Assert.Equal(0, symbolizer.Resolve(frames, recorded with { Executable = $"{own}/another" }).Symbols.Count); // the control
        Assert.Equal(0, running.Finish());
    }

    /// <summary>A root may hold a part of the files only: the rest may be this machine's.</summary>
    [Fact]
    public void What_a_sysroot_lacks_is_looked_for_here()
    {
        Directory.CreateDirectory(_directory["empty"]);
        Assert.True(Resolve(Build("-g"), Options with { Sysroot = _directory["empty"] }, out _).Symbols.Count > 0);
    }

    [Theory]
    [InlineData("symbols")]
    [InlineData("symbols.debug")]
    public void An_object_with_symbols_is_found_by_name_in_a_directory_of_debug_files(string name)
    {
        string program = Build("-g");
        Directory.CreateDirectory(_directory["debug"]);
        File.Copy(program, _directory["debug/" + name]);
        FrameTable frames = CodeFrames.In("/gone/symbols", ObjectFile.Open(program)!.BuildId, Expected(program)[0].Offset);
        Assert.Equal(1, Resolve(frames, Options with { DebugDirectories = [_directory["debug"]] }).Symbols.Count);
        FrameTable other = CodeFrames.In("/gone/symbols", "c0ffee", Expected(program)[0].Offset);
        Assert.Equal(0, Resolve(other, Options with { DebugDirectories = [_directory["debug"]] }).Symbols.Count); // the control
    }

    /// <summary>Where the files are gone, or are stripped by now, what is in a trace is all there is.</summary>
    [Fact]
    public void What_is_known_stays_where_nothing_better_is_found()
    {
        string program = Build("-g"), id = ObjectFile.Open(program)!.BuildId;
        List<(ulong Offset, int Line, string Name)> expected = Expected(program);
        ulong[] offsets = [.. expected.Select(e => e.Offset)];
        using var symbolizer = new Symbolizer(Options, TestContext.Current.CancellationToken);
        SymbolTable known = symbolizer.Resolve(CodeFrames.In(program, id, offsets), Process(DateTimeOffset.UtcNow)).Symbols;

        SymbolResult gone = symbolizer.Resolve(CodeFrames.In("/gone", id, offsets), Process(DateTimeOffset.UtcNow), known);
        Assert.Equal(known.Functions.OrderBy(f => f.Key.Offset).SelectMany(f => f.Value), InOrder(gone));
        Assert.Equal((offsets.Length, "no such file: what was stored stays"), (gone.Modules[0].Named, gone.Modules[0].Problem));
        // Better: lines where there were none.
        SymbolTable poor = new(offsets.ToDictionary(o => new CodeLocation(0, o), o => (IReadOnlyList<FunctionLine>)[new FunctionLine("f", "", "", 0)]));
        Assert.Equal(InOrder(gone), InOrder(symbolizer.Resolve(CodeFrames.In(program, id, offsets), Process(DateTimeOffset.UtcNow), poor)));
    }

    [Theory]
    [InlineData("_RNvNtCsa1b2c3d4e5f_4shop4leak5leaky")]
    [InlineData("_ZN4shop4leak5leaky17hbb13245c711bbc20E")]
    public void Names_of_rust_have_no_hashes(string symbol)
    {
        Programs.Need("c++filt");
        string name = Demangler.Demangle([symbol], TestContext.Current.CancellationToken)[symbol];
        Assert.Equal("shop::leak::leaky", name);
    }

    [Theory]
    [InlineData("price.isra.0", "price")]
    [InlineData("_ZN4shop5priceEi.constprop.0", "shop::price(int)")]
    [InlineData("main", "main")]
    public void Names_have_nothing_that_a_compiler_adds_for_its_copies(string symbol, string name)
    {
        Programs.Need("c++filt");
        FunctionLine line = new FunctionLine(symbol, "", "", 0).Named(Demangler.Demangle([symbol], TestContext.Current.CancellationToken));
        Assert.Equal((name, name == symbol ? "" : symbol), (line.Function, line.LinkageName));
    }

    [Theory]
    [InlineData("llvm-symbolizer")]
    [InlineData("addr2line")]
    [InlineData("")]
    public void Names_have_no_version_of_their_library(string resolver)
    {
        Programs.Need("readelf");
        if (resolver.Length > 0)
            Programs.Need(resolver);
        string program = Targets.Build("versioned.c", Id);
        Assert.Contains("take@@SHOP_1.2.3", Programs.Run("readelf", ["--wide", "--symbols", program]).Output, StringComparison.Ordinal);
        SymbolResult result = Resolve(program, Options with { Resolvers = resolver.Length > 0 ? [resolver] : [] }, out var expected);
        FunctionLine function = Assert.Single(FunctionsAt(result, Assert.Single(expected).Offset));
        Assert.Equal(("take", ""), (function.Function, function.LinkageName));
    }

    [Theory]
    [InlineData("f@V", "f")]
    [InlineData("_ZN4shop5priceEi@@SHOP_1.2", "_ZN4shop5priceEi")]
    [InlineData("f@@@V", "f@@@V")]
    [InlineData("@V", "@V")]
    [InlineData("f@", "f@")]
    [InlineData("f@1", "f@1")]
    public void Of_a_name_only_a_version_is_taken_away(string symbol, string name) =>
        Assert.Equal(name, new FunctionLine(symbol, "", "", 0).Unversioned().Function);

    /// <summary>What a resolver said is known without it from then on; another's answers are not taken for its own.</summary>
    [Fact]
    public void Answers_are_kept_by_build_id_and_resolver()
    {
        Programs.Need("addr2line");
        string program = Build("-g"), counting = Script("resolver", "echo x >> \"$0.calls\"; exec addr2line \"$@\"");
        SymbolOptions options = Options with { Cache = _directory["cache"], Resolvers = [counting] };
        SymbolResult first = Resolve(program, options, out _), second = Resolve(program, options, out _);
        Assert.Single(File.ReadAllLines(counting + ".calls"));
        Assert.Equal(InOrder(first), InOrder(second));
        Assert.Equal(first.Modules, second.Modules);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Directory.GetFiles(_directory["cache"])[0]));

        string silent = Script("silent", "while read -r line; do :; done");
        Assert.Equal(0, Resolve(program, options with { Resolvers = [silent] }, out _).Symbols.Count);
        // What is kept may be damaged.
        foreach (string file in Directory.GetFiles(_directory["cache"]))
            File.WriteAllText(file, "no such thing");
        Assert.Equal(first.Symbols.Count, Resolve(program, options, out _).Symbols.Count);
    }

    /// <summary>A resolver that dies over some addresses is begun anew for the others.</summary>
    [Fact]
    public void A_resolver_that_dies_costs_one_answer()
    {
        Programs.Need("llvm-symbolizer");
        string program = Build("-g");
        List<(ulong Offset, int, string)> expected = Expected(program);
        ulong deadly = expected.Select(e => e.Offset).Order().ElementAt(1);
        string dying = Script("llvm-dying", "while read -r line; do case \"$line\" in *\" 0x" + deadly.ToString("x", CultureInfo.InvariantCulture)
            + "\") exit 1 ;; esac; echo \"$line\" | llvm-symbolizer \"$@\"; done");
        SymbolResult result = Resolve(program, Options with { Resolvers = [dying] }, out _);
        Assert.Equal(expected.Count - 1, result.Symbols.Count);
        Assert.DoesNotContain(new CodeLocation(0, deadly), result.Symbols.Functions.Select(f => f.Key));
    }

    [Theory]
    [InlineData("llvm-symbolizer")]
    [InlineData("addr2line")]
    public void Names_of_files_may_have_any_characters(string resolver)
    {
        Programs.Need(resolver);
        string program = _directory["a \"b\" 'c'\t\\d"];
        File.Copy(Build("-g"), program);
        FrameTable frames = CodeFrames.In(program, ObjectFile.Open(program)!.BuildId, Expected(Build("-g"))[0].Offset);
        Assert.Equal(1, Resolve(frames, Options with { Resolvers = [resolver] }).Symbols.Count);
    }

    /// <summary>A path comes from a trace, and a name of a debug file from an object file: nothing is waited for there.</summary>
    [Fact]
    public void A_pipe_is_no_object_file()
    {
        Assert.Equal(0, Programs.Run("mkfifo", [_directory["pipe"]]).ExitCode);
        Assert.Equal("no such file", Assert.Single(Resolve(CodeFrames.In(_directory["pipe"], "c0ffee", 1), Options).Modules).Problem);
        string linked = _directory["linked"], id = ObjectFile.Open(Build())!.BuildId;
        File.WriteAllText(_directory["pipe.debug"], "any");
        Assert.Equal(0, Programs.Run("objcopy", ["--strip-all", $"--add-gnu-debuglink={_directory["pipe.debug"]}", Build(), linked]).ExitCode);
        File.Delete(_directory["pipe.debug"]);
        File.Move(_directory["pipe"], _directory["pipe.debug"]);
        Assert.Equal("it is stripped: exported functions only", Assert.Single(Resolve(CodeFrames.In(linked, id, 1), Options).Modules).Problem);
    }

    /// <summary>What bears the name of a resolver and cannot be run is passed over; what cannot be run after all costs the names.</summary>
    [Fact]
    public void A_resolver_that_cannot_be_run_is_no_end()
    {
        string program = Build("-g"), noProgram = _directory["llvm-none"], broken = Script("llvm-broken", "exit 0");
        File.WriteAllText(noProgram, "");
        Assert.True(Resolve(program, Options with { Resolvers = [noProgram] }, out _).Symbols.Count > 0);
        File.WriteAllText(broken, "#!/no/such/interpreter\n");
        Assert.Equal("what resolves its addresses has failed", Assert.Single(Resolve(program, Options with { Resolvers = [broken] }, out _).Modules).Problem);
    }

    [Fact]
    public void It_ends_when_it_is_told_to()
    {
        using var source = new CancellationTokenSource();
        string waiting = Script("llvm-waiting", "while read -r line; do :; done");
        string program = Build("-g");
        FrameTable frames = CodeFrames.In(program, ObjectFile.Open(program)!.BuildId, Expected(program)[0].Offset);
        using var symbolizer = new Symbolizer(Options with { Resolvers = [waiting] }, source.Token);
        source.CancelAfter(50);
        Assert.ThrowsAny<OperationCanceledException>(() => symbolizer.Resolve(frames, Process(DateTimeOffset.UtcNow)));
    }

    internal static ProcessInfo Process(DateTimeOffset started, uint pid = 0) => new()
    {
        Pid = pid,
        ParentPid = 0,
        Executable = "",
        Arguments = [],
        AllocatorPath = "",
        AllocatorBuildId = "",
        Architecture = "x86-64",
        Started = started,
        State = RecordingState.Exited,
        Failure = null,
        LostEvents = 0,
        RecordsOperatorNew = false,
        Source = ProcessInfo.FromPreload,
        Forked = false,
        Sample = 1,
        Latency = false,
        Stacks = true,
        FormatVersion = "1.0",
    };

    private static string Build(params string[] flags) => Targets.Build("symbols.cpp", [Id, .. flags]);

    /// <summary>What the program says of itself: offsets of code, the line and the function there.</summary>
    private static List<(ulong Offset, int Line, string Name)> Expected(string program) =>
        [.. Programs.Run(program, []).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split(' ', 3))
            .Select(p => (ulong.Parse(p[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture), int.Parse(p[1], CultureInfo.InvariantCulture), p[2]))];

    private static SymbolResult Resolve(string program, SymbolOptions options, out List<(ulong Offset, int Line, string Name)> expected)
    {
        expected = Expected(program);
        return Resolve(CodeFrames.In(program, ObjectFile.Open(program)!.BuildId, [.. expected.Select(e => e.Offset)]), options);
    }

    private static SymbolResult Resolve(FrameTable frames, SymbolOptions options)
    {
        using var symbolizer = new Symbolizer(options, TestContext.Current.CancellationToken);
        return symbolizer.Resolve(frames, Process(DateTimeOffset.UtcNow));
    }

    private static IReadOnlyList<FunctionLine> FunctionsAt(SymbolResult result, ulong offset) =>
        result.Symbols.Functions.Single(f => f.Key.Offset == offset).Value;

    private static IEnumerable<FunctionLine> InOrder(SymbolResult result) => result.Symbols.Functions.OrderBy(f => f.Key.Offset).SelectMany(f => f.Value);

    private static void ObjCopy(string what, string from, string to) => Assert.Equal(0, Programs.Run("objcopy", [what, from, to]).ExitCode);

    private string Script(string name, string text)
    {
        string path = _directory[name];
        File.WriteAllText(path, $"#!/bin/sh\n{text}\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }
}
