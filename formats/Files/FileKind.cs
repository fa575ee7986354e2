using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace AllocReplay.Formats.Files;

/// <summary>
/// What a name stands for. A recording may be a stranger's: a pipe in it would be waited for, a device read without end, and a link leads to
/// files that are not of it. And what is to be replaced may be no file at all.
/// </summary>
internal static partial class FileKind
{
    private const int ReadOnly = 0, NoTerminal = 0x100, NonBlocking = 0x800, CloseOnExec = 0x80000; // of open(2)
    private static readonly int NoLinks = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x8000 : 0x20000; // O_NOFOLLOW
    private const int Current = -100, NoFollow = 0x100, Empty = 0x1000, Type = 1, Owner = 8; // of statx(2)
    private const int StatSize = 256, OwnerAt = 20, ModeAt = 28, TypeMask = 0xf000;
    private const int Regular = 0x8000;
    private const int AccessDenied = 13; // EACCES

    /// <summary>Why a name stands for no regular file, as a phrase; null when it does, and when it stands for nothing.</summary>
    /// <param name="path">The name.</param>
    /// <param name="followsLinks">Whether a link stands for what it leads to.</param>
    public static string? WhyNotRegular(string path, bool followsLinks = false)
    {
        if (OperatingSystem.IsLinux())
            return Describe(Current, path, followsLinks ? 0 : NoFollow);
        return Directory.Exists(path) ? "a directory" : null;
    }

    /// <summary>Whether what a name stands for cannot be known, as a directory on the way may not be searched.</summary>
    /// <param name="path">The name.</param>
    public static unsafe bool IsDenied(string path)
    {
        byte* stat = stackalloc byte[StatSize];
        return OperatingSystem.IsLinux() && Statx(Current, path, 0, Type, stat) != 0 && Marshal.GetLastPInvokeError() == AccessDenied;
    }

    /// <summary>The user that a file belongs to; null when that cannot be known.</summary>
    /// <param name="path">Its name; a link is what it leads to.</param>
    public static unsafe uint? OwnerOf(string path)
    {
        byte* stat = stackalloc byte[StatSize];
        return OperatingSystem.IsLinux() && Statx(Current, path, 0, Owner, stat) == 0 ? *(uint*)(stat + OwnerAt) : null;
    }

    /// <summary>Opens a regular file for reading, and nothing else; it does not wait for the other end of a pipe.</summary>
    /// <exception cref="TraceFormatException">It is none, or cannot be opened.</exception>
    public static SafeFileHandle Open(string path, bool followsLinks)
    {
        Refuse(path, WhyNotRegular(path, followsLinks));
        if (!OperatingSystem.IsLinux())
            return File.OpenHandle(path);
        int descriptor = NativeOpen(path, ReadOnly | NoTerminal | NonBlocking | CloseOnExec | (followsLinks ? 0 : NoLinks));
        if (descriptor < 0)
            throw new TraceFormatException(path, null, $"cannot be read: {Marshal.GetLastPInvokeErrorMessage()}");
        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        try
        {
            Refuse(path, Describe(descriptor, "", Empty)); // it may be another by now
            return handle;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    private static void Refuse(string path, string? kind)
    {
        if (kind is not null)
            throw new TraceFormatException(path, null, $"expected a file, found {kind}");
    }

    private static unsafe string? Describe(int directory, string path, int flags)
    {
        byte* stat = stackalloc byte[StatSize];
        if (Statx(directory, path, flags, Type, stat) != 0)
            return null;
        return (*(ushort*)(stat + ModeAt) & TypeMask) switch
        {
            Regular => null,
            0x4000 => "a directory",
            0xa000 => "a link",
            0x1000 => "a pipe",
            0xc000 => "a socket",
            _ => "a device",
        };
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int NativeOpen(string path, int flags);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static unsafe partial int Statx(int directory, string path, int flags, uint mask, byte* stat);
}
