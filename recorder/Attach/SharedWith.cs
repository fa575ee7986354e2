using System.Runtime.InteropServices;
using AllocReplay.Recorder.Arena;

namespace AllocReplay.Recorder.Attach;

/// <summary>
/// A recording's shared memory, as another process can open it: of another user's, its group may, for as long as this is open, which is until it is mapped.
/// </summary>
internal sealed partial class SharedWith : IDisposable
{
    private const uint OwnerOnly = 0x180, GroupToo = 0x1b0; // 0600, 0660

    private readonly int _descriptor;
    private readonly bool _isWidened;

    private SharedWith(int descriptor, string path, bool isWidened) => (_descriptor, Path, _isWidened) = (descriptor, path, isWidened);

    /// <summary>As that process names it.</summary>
    public string Path { get; }

    /// <exception cref="ControlException">It cannot be opened there.</exception>
    public static SharedWith Of(TargetProgram program, SharedArena arena)
    {
        int there = Libc.Open($"/proc/{program.Pid}/root{arena.Path}", Libc.CloseOnExec, 0);
        Libc.FileStatus seen = there < 0 ? default : Libc.Status(there), own = Libc.Status(arena.Descriptor);
        if (there >= 0)
            _ = Libc.Close(there);
        if (there < 0 || (seen.Device, seen.Inode) != (own.Device, own.Inode))
        {
            throw new ControlException($"pid {program.Pid}: does not see this recording's shared memory, {arena.Path}: it has a /dev/shm of its own; "
                + $"run this in its namespace of mounts: nsenter --target {program.Pid} --mount");
        }
        bool isOthers = program.Status.User != Libc.EffectiveUser;
        if (isOthers && (ChangeOwner(arena.Descriptor, uint.MaxValue, program.Status.Group) != 0 || ChangeMode(arena.Descriptor, GroupToo) != 0))
            throw new ControlException($"pid {program.Pid}: the recording's shared memory cannot be given to its user: {Marshal.GetLastPInvokeErrorMessage()}");
        return new SharedWith(arena.Descriptor, arena.Path, isOthers);
    }

    public void Dispose()
    {
        if (!_isWidened)
            return;
        _ = ChangeMode(_descriptor, OwnerOnly);
        _ = ChangeOwner(_descriptor, uint.MaxValue, GetEffectiveGroup());
    }

    [LibraryImport("libc", EntryPoint = "fchown", SetLastError = true)]
    private static partial int ChangeOwner(int descriptor, uint user, uint group);

    [LibraryImport("libc", EntryPoint = "fchmod", SetLastError = true)]
    private static partial int ChangeMode(int descriptor, uint mode);

    [LibraryImport("libc", EntryPoint = "getegid")]
    private static partial uint GetEffectiveGroup();
}
