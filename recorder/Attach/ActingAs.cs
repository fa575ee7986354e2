using System.Runtime.InteropServices;

namespace AllocReplay.Recorder.Attach;

/// <summary>
/// The calling thread makes and opens files as another user does, until this is disposed of, on the same thread: they are that user's from the
/// first moment, and they can be made where we have no name, in a file system of a namespace of users. The groups that we are in besides do not
/// count meanwhile: what they may open, that user might not.
/// </summary>
internal readonly unsafe partial struct ActingAs : IDisposable
{
    private const uint Nobody = uint.MaxValue; // is not changed to, so the answer is who it is

    private readonly uint _user, _group;
    private readonly uint[] _groups;

    private ActingAs(uint user, uint group, uint[] groups) => (_user, _group, _groups) = (user, group, groups);

    /// <summary>Becomes the user of a process.</summary>
    /// <returns>Null where we may not.</returns>
    public static ActingAs? UserOf(ProcessStatus process)
    {
        (uint user, uint group) = (SetUser(Nobody), SetGroup(Nobody));
        var before = new ActingAs(user, group, Groups());
        SetGroups([]); // which who has no right to it may not, and has no need of: a user that attaches to what is its own
        _ = SetGroup(process.Group); // first: as another user we may not
        _ = SetUser(process.User);
        if ((SetUser(Nobody), SetGroup(Nobody)) == (process.User, process.Group))
            return before;
        before.Dispose();
        return null;
    }

    public void Dispose()
    {
        _ = SetUser(_user);
        _ = SetGroup(_group);
        SetGroups(_groups);
    }

    private static uint[] Groups()
    {
        var groups = new uint[Math.Max(0, GetGroups(0, null))];
        fixed (uint* start = groups)
            return GetGroups(groups.Length, start) == groups.Length ? groups : [];
    }

    private static void SetGroups(ReadOnlySpan<uint> groups)
    {
        fixed (uint* start = groups)
            _ = SystemCall(RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 159 : 116, groups.Length, start);
    }

    /// <summary>Of this thread alone, as the C library's other functions of the kind are not.</summary>
    [LibraryImport("libc", EntryPoint = "setfsuid")]
    private static partial uint SetUser(uint user);

    [LibraryImport("libc", EntryPoint = "setfsgid")]
    private static partial uint SetGroup(uint group);

    [LibraryImport("libc", EntryPoint = "getgroups")]
    private static partial int GetGroups(int count, uint* groups);

    /// <summary>For setgroups, of this thread alone too: the C library's would change all threads.</summary>
    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial nint SystemCall(nint number, nint count, uint* groups);
}
