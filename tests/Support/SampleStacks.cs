using AllocReplay.Formats.Stacks;

namespace AllocReplay.Tests.Support;

/// <summary>A small recording with stacks of every kind, whole and not, known and not.</summary>
internal static class SampleStacks
{
    public const int TakeHere = 5, TakeThere = 6, Other = 7, Cut = 8, Nonsense = 9, NotWritten = 10, NoModule = 11, Beyond = 999;

    /// <summary>A module at an address, which the offsets of <see cref="Symbols"/> are of, and the C library.</summary>
    public static string Modules(ulong at = 0x1000) => $"{at:x}-{at + 0x8000:x} 0 a1b2 /opt/shop dir/shop\n100000-200000 0  /lib/libc.so.6\n";

    public static SymbolTable Symbols { get; } = Of(
        (0x200, [new("main", "", "/src/main.c", 10)]),
        (0x300, [new("shop::serve(int)", "_ZN4shop5serveEi", "/src/serve.cpp", 20)]),
        (0x400, [new("helper", "", "/src/helper.h", 3), new("take", "", "/src/take.c", 31)]),
        (0x450, [new("take", "", "/src/take.c", 35)]),
        (0x500, [new("other", "", "", 0)]));

    public static SymbolTable Of(params (ulong Offset, FunctionLine[] Functions)[] locations) =>
        new(locations.ToDictionary(l => new CodeLocation(0, l.Offset), l => (IReadOnlyList<FunctionLine>)l.Functions));

    /// <summary>Frames, whose numbers are the constants above.</summary>
    public static void AddFrames(RecordingWriter writer, ulong at = 0x1000)
    {
        int start = writer.Frame(0x100101);
        int main = writer.Frame(at + 0x201, start);
        int serve = writer.Frame(at + 0x301, main);
        Assert.Equal(TakeHere, writer.Frame(at + 0x401, serve));
        Assert.Equal(TakeThere, writer.Frame(at + 0x451, serve));
        Assert.Equal(Other, writer.Frame(at + 0x501, main));
        Assert.Equal(Cut, writer.Frame(at + 0x601, caller: 1));
        Assert.Equal(Nonsense, writer.Frame(at + 0x701, caller: 77));
        Assert.Equal(NotWritten, writer.Frame(at + 0x801, main, flags: 0));
        Assert.Equal(NoModule, writer.Frame(ulong.MaxValue - 0xff, main));
    }

    public static void Write(string directory, SymbolTable? symbols = null, string? modules = null, ulong at = 0x1000)
    {
        var writer = new RecordingWriter(directory) { Stacks = true, FreeStacks = true, Modules = modules ?? Modules(at), Symbols = symbols ?? Symbols };
        AddFrames(writer, at);
        writer.Thread(0)
            .Malloc(800, 0x1000, 100, TakeHere)                  // object 0, reallocated
            .Malloc(1600, 0x2000, 50, TakeThere)                 // 1, freed by the other thread
            .Malloc(2400, 0x3000, 10, Other).Free(3200, 0x3000, Other) // 2, temporary
            .Malloc(4000, 0x4000, 7, Cut)                        // 3 and the rest: never freed
            .Malloc(4800, 0x5000, 9, Nonsense)
            .Malloc(5600, 0x6000, 1, Beyond)
            .Malloc(6400, 0x7000, 2, NotWritten)
            .Malloc(7200, 0x8000, 3)
            .Malloc(8000, 0x9000, 4, NoModule)
            .Realloc(8800, 9600, 0x1000, 0xa000, 200, Other);    // 9
        writer.Thread(1).Free(10_400, 0x2000, Beyond);
        writer.Save();
    }
}
