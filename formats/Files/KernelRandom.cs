using System.Diagnostics;
using System.Runtime.InteropServices;

namespace AllocReplay.Formats.Files;

/// <summary>
/// Random numbers of the kernel, by its call: a machine on which a program is recorded need not have the library of cryptography, and a root directory
/// that was made for one program need not have /dev/urandom.
/// </summary>
internal static unsafe partial class KernelRandom
{
    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial nint Call(nint number, void* to, nuint length, nuint flags);

    /// <summary>64 bits. Of a kernel before 3.17, which has no such call, they are from the clock: hard to meet by chance, and not to guess.</summary>
    public static ulong Next()
    {
        ulong bits = 0;
        nint number = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 278 : 318;
        return Call(number, &bits, sizeof(ulong), 0) == sizeof(ulong) ? bits
            : (ulong)Stopwatch.GetTimestamp() * 0x9e3779b97f4a7c15 ^ (ulong)Environment.ProcessId;
    }

    /// <summary>A name that nobody else has: sixteen hexadecimal digits.</summary>
    public static string Name() => Next().ToString("x16", System.Globalization.CultureInfo.InvariantCulture);
}
