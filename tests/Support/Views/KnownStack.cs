using System.IO.Hashing;
using System.Text;
using AllocReplay.Formats.Stacks;

namespace AllocReplay.Tests.Support.Views;

/// <summary>A stack of the random recordings, and what the reference pages say that tables tell of it: written down here by hand, not computed.</summary>
/// <param name="Number">Its number in the recording.</param>
/// <param name="Symbols">The names that the hash of its site is of.</param>
/// <param name="Function">The function that the site is named after.</param>
/// <param name="File">Its source file.</param>
/// <param name="Line">Its line, in the first process image: in each that follows it is ten more.</param>
/// <param name="Text">The text of its site.</param>
internal sealed record KnownStack(int Number, string[] Symbols, string Function, string File, int Line, string Text)
{
    /// <summary>Without frames: no stack is known by these numbers.</summary>
    public const int None = 0, Beyond = 999;

    private const ulong Program = 0x1000, Library = 0x100000;

    /// <summary>What calls have that take no block. No block has it, so its site has none.</summary>
    public static KnownStack OfReleases { get; } = new(15, ["gives_back", "main"], "gives_back", "/src/d.c", 40, "gives_back < main");

    /// <summary>Of blocks. The first two and the last are one site: a function that acquires in two places, once below what starts a thread.</summary>
    public static IReadOnlyList<KnownStack> OfBlocks { get; } =
    [
        new(4, ["take", "main"], "take", "/src/a.c", 11, "take < main"),
        new(5, ["take", "main"], "take", "/src/a.c", 17, "take < main"),
        new(6, ["_Z4makei", "main"], "make(int)", "/src/b.cpp", 20, "make(int) < main"),
        new(7, ["take", "_Z4makei", "main"], "take", "/src/a.c", 11, "take < make(int) < main"),
        new(8, ["libc.so.6+0x500", "_Z4makei", "main"], "make(int)", "/src/b.cpp", 20, "libc.so.6+0x500 < make(int) < main"),
        new(9, ["holds", "main"], "holds", "/src/c.c", 31, "holds < main"), // with a function that was inlined into it
        new(10, ["cut"], "cut", "/src/c.c", 35, "cut < …"),
        new(11, ["shop+0x600", "main"], "shop+0x600", "", 0, "shop+0x600 < main"),
        new(14, ["take", "main"], "take", "/src/a.c", 17, "take < main"),
    ];

    /// <summary>The site's number.</summary>
    public long Site
    {
        get
        {
            var hash = new XxHash3();
            foreach (string symbol in Symbols)
                hash.Append([.. Encoding.UTF8.GetBytes(symbol), 0]);
            return unchecked((long)hash.GetCurrentHashAsUInt64());
        }
    }

    /// <summary>The line in a process image.</summary>
    public int LineIn(int image) => Line == 0 ? 0 : Line + 10 * image;

    /// <summary>Writes the frames of all of them.</summary>
    public static void AddFrames(RecordingWriter writer)
    {
        int start = writer.Frame(Library + 0x101), main = writer.Frame(Program + 0x201);
        writer.Frame(Program + 0x301, main);
        writer.Frame(Program + 0x311, main);
        int make = writer.Frame(Program + 0x401, main);
        writer.Frame(Program + 0x301, make);
        writer.Frame(Library + 0x501, make);
        writer.Frame(Program + 0x481, main);
        writer.Frame(Program + 0x4c1, caller: 1);
        writer.Frame(Program + 0x601, main);
        int started = writer.Frame(Program + 0x201, start);
        writer.Frame(Program + 0x701, started);
        Assert.Equal(OfBlocks[^1].Number, writer.Frame(Program + 0x311, started));
        Assert.Equal(OfReleases.Number, writer.Frame(Program + 0x801, main));
    }

    /// <summary>The symbols of a process image.</summary>
    public static SymbolTable SymbolsOf(int image)
    {
        FunctionLine Line(string function, string linkageName, string file, int line) => new(function, linkageName, file, line + 10 * image);
        return SampleStacks.Of(
            (0x200, [Line("main", "", "/src/main.c", 1)]),
            (0x300, [Line("take", "", "/src/a.c", 11)]),
            (0x310, [Line("take", "", "/src/a.c", 17)]),
            (0x400, [Line("make(int)", "_Z4makei", "/src/b.cpp", 20)]),
            (0x480, [Line("inlined", "", "/src/c.h", 3), Line("holds", "", "/src/c.c", 31)]),
            (0x4c0, [Line("cut", "", "/src/c.c", 35)]),
            (0x800, [Line("gives_back", "", "/src/d.c", 40)]));
    }
}
