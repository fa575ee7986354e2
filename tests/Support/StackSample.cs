using AllocReplay.Formats.Recording;
using AllocReplay.Formats.Stacks;

namespace AllocReplay.Tests.Support;

/// <summary>A small trace with stacks of every kind: called from two functions, inlined, without symbols, cut and not known.</summary>
internal static class StackSample
{
    private const long Ms = 1_000_000;

    /// <summary>
    /// Live bytes: 100 at 1 ms, 150 at 2, 50 at 3, 150 at 4, 50 at 5, 57 at 6, 50 at 7, 60 at 8, 63 from 9 on. The one block that its thread frees
    /// before it acquires another is that of 4 ms.
    /// </summary>
    public static void Write(string directory)
    {
        var recording = new StackRecording(directory);
        int program = recording.Module(0x10000, 0x20000, "/bin/test", "c0ffee"), library = recording.Module(0x30000, 0x40000, "/lib/libx.so.1");
        int main = recording.Frame(program, 0x100, StackRecording.Start, new FunctionLine("main", "", "/src/main.c", 10));
        int left = recording.Frame(program, 0x200, main,
            new FunctionLine("inner", "", "/src/inner.h", 3), new FunctionLine("left()", "_Z4leftv", "/src/main.c", 20));
        int right = recording.Frame(program, 0x300, main, new FunctionLine("right", "", "/src/main.c", 30));
        int again = recording.Frame(program, 0x308, main, new FunctionLine("right", "", "/src/main.c", 31));
        int cut = recording.Frame(library, 0x400, StackRecording.Cut);
        recording
            .Malloc(1 * Ms, 0x1000, 100, left).Malloc(2 * Ms, 0x2000, 50, right).Free(3 * Ms, 0x1000)
            .Malloc(4 * Ms, 0x3000, 100, left).Free(5 * Ms, 0x3000)
            .Malloc(6 * Ms, 0x4000, 7, stack: 0, thread: 1).Free(7 * Ms, 0x4000)
            .Realloc(8 * Ms, 0x2000, 0x5000, 60, again).Malloc(9 * Ms, 0x6000, 3, cut)
            .Mark(MarkEntry.Start, 1, 0).Mark(MarkEntry.Named, 1, 3 * Ms + Ms / 2, "late")
            .Save();
    }
}
