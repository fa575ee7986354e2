using System.Runtime.InteropServices;
using AllocReplay.Recorder.Arena;
using Microsoft.Win32.SafeHandles;

namespace AllocReplay.Recorder.Attach;

/// <summary>A copy of the hook that another process can open, with its settings inside. It can go when it is loaded.</summary>
internal static class HookCopy
{
    private const UnixFileMode Own = UnixFileMode.UserRead | UnixFileMode.UserWrite, Others = UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>Puts one into a directory.</summary>
    /// <returns>Its path, as the process sees it.</returns>
    /// <exception cref="ControlException">The hook is not one, or there is no room.</exception>
    public static string Put(DirectoryInside directory, TargetProgram program, string hook, IEnumerable<string> settings)
    {
        byte[] bytes = File.ReadAllBytes(hook);
        if (HookFile.OffsetOf(bytes, HookInside.Settings) is not { } offset)
            throw new ControlException($"{hook}: expected a library that can be attached");
        HookInside.BytesOf(settings).CopyTo(bytes, offset);
        string name = Path.GetFileName(hook);
        try
        {
            directory.Do(() =>
            {
                // The directory is the process's user's: what lies there already, as a link to elsewhere, is not ours to write to.
                using SafeFileHandle file = new(
                    Libc.Open(directory.Outside(name), Libc.ReadWrite | Libc.Create | Libc.Exclusive | Libc.NoFollow | Libc.CloseOnExec, 0x180 /* 0600 */),
                    ownsHandle: true);
                if (file.IsInvalid)
                    throw new IOException(Marshal.GetLastPInvokeErrorMessage());
                RandomAccess.Write(file, bytes, 0);
                File.SetUnixFileMode(file, Own | (directory.IsForOthers ? Others : 0));
            });
            return directory.Inside(name);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ControlException($"pid {program.Pid}: the hook cannot be copied to {directory.Path}, as it sees it: {e.Message}");
        }
    }
}
