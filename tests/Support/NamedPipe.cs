using System.Runtime.InteropServices;

namespace AllocReplay.Tests.Support;

/// <summary>Names of files that are none: whoever opens a pipe waits for its other end.</summary>
internal static partial class NamedPipe
{
    private const uint Executable = 0x1ed; // 0755

    public static string Create(string path)
    {
        Assert.Equal(0, MakeFifo(path, Executable));
        return path;
    }

    [LibraryImport("libc", EntryPoint = "mkfifo", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeFifo(string path, uint mode);
}
