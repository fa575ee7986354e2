using System.Runtime.InteropServices;
using AllocReplay.Recorder.Arena;
using Microsoft.Win32.SafeHandles;

namespace AllocReplay.Recorder;

/// <summary>
/// A process image's directory, which the recorded program's user may have written: nothing in it is followed, and nothing is written but
/// plain files of the directory's own owner, which have no other name.
/// </summary>
internal sealed partial class ImageDirectory : IDisposable
{
    public const int ReadWrite = 2, WriteOnly = 1, Append = 0x400;

    private readonly string _path;
    private readonly int _descriptor;
    private readonly Libc.FileStatus _status;

    /// <exception cref="ControlException">It is not a directory, or another user's.</exception>
    public ImageDirectory(string path)
    {
        _path = path;
        _descriptor = Libc.Open(path, Libc.DirectoryOnly | Libc.NoFollow | Libc.CloseOnExec, 0);
        if (_descriptor < 0)
            throw new ControlException($"{path}: {Marshal.GetLastPInvokeErrorMessage()}");
        _status = Libc.Status(_descriptor);
        uint user = Libc.EffectiveUser;
        if (user != 0 && _status.Owner != user)
        {
            Dispose();
            throw new ControlException($"{path}: belongs to another user");
        }
    }

    /// <summary>Opens a file of the directory; with <see cref="Append"/>, one that is created when it is missing.</summary>
    /// <exception cref="ControlException">It is missing, a link, no plain file, or another user's.</exception>
    public SafeFileHandle Open(string name, int flags)
    {
        int create = (flags & Append) != 0 ? Libc.Create : 0;
        int descriptor = OpenAt(_descriptor, name, flags | create | Libc.NoFollow | Libc.CloseOnExec | NonBlocking, 0x180 /* 0600 */);
        if (descriptor < 0)
            throw new ControlException($"{Path.Combine(_path, name)}: {Marshal.GetLastPInvokeErrorMessage()}");
        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        Libc.FileStatus status = Libc.Status(descriptor);
        bool isOurs = status.Owner == _status.Owner || create != 0 && status.Owner == Libc.EffectiveUser && status.Size == 0;
        if (status.Error == 0 && (status.Mode & 0xf000) == 0x8000 && status.Links == 1 && isOurs)
            return handle;
        handle.Dispose();
        throw new ControlException($"{Path.Combine(_path, name)}: expected a plain file of the directory's owner, with this name alone");
    }

    public void Dispose() => _ = Libc.Close(_descriptor);

    private const int NonBlocking = 0x800; // a pipe in its place is not waited for

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenAt(int directory, string name, int flags, int mode);
}
