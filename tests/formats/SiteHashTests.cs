using AllocReplay.Formats.Stacks;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Formats;

/// <summary>One number for a site, in all runs and builds.</summary>
public sealed class SiteHashTests
{
    private const string LibraryPath = "/usr/lib/x86_64-linux-gnu/libc.so.6";

    [Fact]
    public void Names_count_and_addresses_do_not()
    {
        ulong hash = Hash(CodeFrames.In("/a/shop", "aa", 0x10, 0x20), ["leaf", "caller"]);
        Assert.Equal(hash, Hash(CodeFrames.In("/b/shop", "bb", 0x99, 0x1234), ["leaf", "caller"]));
        Assert.NotEqual(hash, Hash(CodeFrames.In("/a/shop", "aa", 0x10, 0x20), ["leaf", "other"]));
        Assert.NotEqual(hash, Hash(CodeFrames.In("/a/shop", "aa", 0x10, 0x20), ["caller", "leaf"]));
        Assert.NotEqual(hash, Hash(CodeFrames.In("/a/shop", "aa", 0x10, 0x20), ["leafcaller", ""]));
    }

    /// <summary>The value is stored in datasets: it stays.</summary>
    [Fact]
    public void The_hash_is_the_one_of_the_specification() =>
        Assert.Equal(9391475178470037353UL, Hash(CodeFrames.In("/a/shop", "aa", 0x10), ["main"]));

    [Fact]
    public void Without_a_symbol_the_place_in_the_module_counts()
    {
        FrameTable frames = CodeFrames.In("/a/shop", "aa", 0x10);
        ulong hash = SiteHash.Of(frames.Of(2, out _), SymbolTable.Empty);
        Assert.Equal(hash, SiteHash.Of(CodeFrames.In("/other/shop", "bb", 0x10).Of(2, out _), SymbolTable.Empty));
        Assert.NotEqual(hash, SiteHash.Of(CodeFrames.In("/a/shop", "aa", 0x11).Of(2, out _), SymbolTable.Empty));
        Assert.NotEqual(hash, SiteHash.Of(CodeFrames.In("/a/shop2", "aa", 0x10).Of(2, out _), SymbolTable.Empty));
        Assert.Equal(0UL, SiteHash.Of([], SymbolTable.Empty));
    }

    /// <summary>Another compilation puts other functions into one another.</summary>
    [Fact]
    public void Inlined_functions_do_not_count()
    {
        FrameTable frames = CodeFrames.In("/a/shop", "aa", 0x10);
        Frame frame = frames.Of(2, out _)[0];
        SymbolTable Of(params string[] functions) => new(new Dictionary<CodeLocation, IReadOnlyList<FunctionLine>>
        {
            [frame.Location] = [.. functions.Select(f => new FunctionLine(f, "", "", 0))],
        });
        Assert.Equal(SiteHash.Of([frame], Of("f")), SiteHash.Of([frame], Of("inlined", "f")));
        Assert.NotEqual(SiteHash.Of([frame], Of("f")), SiteHash.Of([frame], Of("f", "g")));
    }

    /// <summary>Whether the C library's own functions have names differs between machines.</summary>
    [Fact]
    public void What_runs_before_main_does_not_count()
    {
        IReadOnlyList<Frame> inLibrary = CodeFrames.In(LibraryPath, "cc", 0x10).Of(2, out _);
        FrameTable program = CodeFrames.In("/a/shop", "aa", 0x10, 0x20);
        SymbolTable symbols = Named(program, ["main", "_start"]);
        IReadOnlyList<Frame> main = program.Of(2, out _), start = program.Of(3, out _);
        ulong hash = SiteHash.Of(main, symbols);
        Assert.Equal(hash, SiteHash.Of([.. main, .. inLibrary], symbols));
        Assert.Equal(hash, SiteHash.Of([.. main, .. inLibrary, .. start], symbols));
        Assert.NotEqual(hash, SiteHash.Of([.. inLibrary, .. main], symbols));
        Assert.NotEqual(0UL, SiteHash.Of(inLibrary, symbols));
    }

    [Theory]
    [InlineData("f", "f")]
    [InlineData("f.cold", "f")]
    [InlineData("f.constprop.0.isra.1", "f")]
    [InlineData("f.part.0.cold", "f")]
    [InlineData("f.llvm.1234567890", "f")]
    [InlineData("f.lto_priv.0", "f")]
    [InlineData("f.own", "f.own")]
    [InlineData(".hidden", ".hidden")]
    [InlineData("", "")]
    [InlineData("_ZN4shop4make17h0123456789abcdefE", "_ZN4shop4makeE")]
    [InlineData("_ZN4shop4make17h0123456789abcdefE.llvm.77", "_ZN4shop4makeE")]
    [InlineData("_ZN4shop4make17h0123456789abcdeXE", "_ZN4shop4make17h0123456789abcdeXE")]
    public void What_a_compiler_adds_is_taken_away(string symbol, string stable) => Assert.Equal(stable, SiteHash.Stable(symbol));

    private static ulong Hash(FrameTable frames, string[] names) =>
        SiteHash.Of([.. names.SelectMany((_, i) => frames.Of(i + 2, out bool _))], Named(frames, names));

    private static SymbolTable Named(FrameTable frames, string[] names) => new(names.Select((n, i) => (n, i)).ToDictionary(
        n => frames.Of(n.i + 2, out _)[0].Location, n => (IReadOnlyList<FunctionLine>)[new FunctionLine(n.n, "", "", 0)]));
}
