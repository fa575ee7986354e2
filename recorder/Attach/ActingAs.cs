using System.Runtime.InteropServices;

namespace AllocReplay.Recorder.Attach;

/// <summary>
/// The calling thread makes and opens files as another user does, until this is disposed of, on the same thread: they are that user's from the
/// first moment, and they can be made where we have no name, in a file system of a namespace of users.
/// </summary>
internal readonly partial struct ActingAs : IDisposable
{
    private const uint Nobody = uint.MaxValue; // is not changed to, so the answer is who it is

    private readonly uint _user, _group;

    private ActingAs(uint user, uint group) => (_user, _group) = (user, group);

    /// <summary>Becomes the user of a process.</summary>
    /// <returns>Null where we may not.</returns>
    public static ActingAs? UserOf(ProcessStatus process)
    {
        (uint user, uint group) = (SetUser(Nobody), SetGroup(Nobody));
        var before = new ActingAs(user, group);
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
    }

    /// <summary>Of this thread alone, as the C library's other functions of the kind are not.</summary>
    [LibraryImport("libc", EntryPoint = "setfsuid")]
    private static partial uint SetUser(uint user);

    [LibraryImport("libc", EntryPoint = "setfsgid")]
    private static partial uint SetGroup(uint group);
}
