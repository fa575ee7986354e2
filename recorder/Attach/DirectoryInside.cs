using System.Runtime.InteropServices;
using AllocReplay.Formats.Files;
using AllocReplay.Recorder.Arena;

namespace AllocReplay.Recorder.Attach;

/// <summary>
/// A directory of its own in another process's view of the file system, whichever namespace of mounts or root that has; taken away with all that
/// is in it when this is disposed of, also when the process has ended by then.
/// </summary>
/// <remarks>
/// It is reached by descriptors, and links in the process's own tree are followed as the process would: none leads out of there. Where we may, it is
/// made as the process's user, so nobody else can look into it; where not, others may pass through it, and what is in it lets them in.
/// </remarks>
internal sealed unsafe partial class DirectoryInside : IDisposable
{
    /// <summary>Where there may be one: file systems in memory first, as all may be read-only but these.</summary>
    private static readonly string[] Places = ["/dev/shm", "/tmp", "/var/tmp", "/run"];

    private const int RemoveDirectory = 0x200; // AT_REMOVEDIR
    private const int MayWrite = 2; // W_OK
    private const string NotForCode = "is mounted noexec";

    private readonly int _place, _directory;
    private readonly string _name;
    private readonly ProcessStatus? _owner; // null: us

    private DirectoryInside(int place, int directory, string name, string path, ProcessStatus? owner, bool isForOthers) =>
        (_place, _directory, _name, Path, _owner, IsForOthers) = (place, directory, name, path, owner, isForOthers);

    /// <summary>As the process sees it.</summary>
    public string Path { get; }

    /// <summary>Whether it is ours and not the process's user's: what is in it has to let others in.</summary>
    public bool IsForOthers { get; }

    /// <summary>What is in it, as the process sees it.</summary>
    public string Inside(string name) => $"{Path}/{name}";

    /// <summary>What is in it, as we see it: a short path, however long the way there.</summary>
    public string Outside(string name) => $"/proc/self/fd/{_directory}/{name}";

    /// <summary>Makes one.</summary>
    /// <param name="program">The process.</param>
    /// <param name="isForCode">Whether a library is to be loaded from there.</param>
    /// <exception cref="ControlException">There is no place for it.</exception>
    public static DirectoryInside Make(TargetProgram program, bool isForCode)
    {
        int root = OpenRoot(program);
        var why = new List<string>();
        try
        {
            bool isOurs = program.Status.User == Libc.EffectiveUser;
            foreach (bool asItself in isOurs ? [false] : (ReadOnlySpan<bool>)[true, false])
                foreach (string place in Places)
                    if (TryMake(program, root, place, isForCode, asItself, isForOthers: !isOurs && !asItself, why) is { } made)
                        return made;
        }
        finally
        {
            _ = Libc.Close(root);
        }
        throw new ControlException($"pid {program.Pid}: {NoPlace(isForCode, why)}");
    }

    /// <summary>Whether there seems to be no place for one, and why; null where there is. Nothing is made.</summary>
    /// <exception cref="ControlException">Its files may not be looked at.</exception>
    public static string? WhyNowhere(TargetProgram program, bool isForCode)
    {
        int root = OpenRoot(program);
        var why = new List<string>();
        try
        {
            foreach (string place in Places)
            {
                int at = OpenBelow(root, place);
                string? reason = at < 0 || Access($"/proc/self/fd/{at}", MayWrite) != 0 ? Marshal.GetLastPInvokeErrorMessage()
                    : isForCode && IsNotForCode(at) ? NotForCode : null;
                if (at >= 0)
                    _ = Libc.Close(at);
                if (reason is null)
                    return null;
                why.Add($"{place}: {reason}");
            }
        }
        finally
        {
            _ = Libc.Close(root);
        }
        return NoPlace(isForCode, why);
    }

    private static int OpenRoot(TargetProgram program)
    {
        int root = Libc.Open($"{RunningThreads.DirectoryOf(program.Pid)}/root", Libc.PathOnly | Libc.DirectoryOnly | Libc.CloseOnExec, 0);
        return root >= 0 ? root
            : throw new ControlException($"pid {program.Pid}: its files may not be looked at: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    private static string NoPlace(bool isForCode, IEnumerable<string> why) =>
        $"there is no place in its file system for {(isForCode ? "the hook" : "a socket")}: {string.Join(", ", why.Distinct())}"
        + (isForCode ? "; a file system in memory without noexec, mounted at one of them while it is attached to, is enough" : "");

    private static DirectoryInside? TryMake(
        TargetProgram program, int root, string place, bool isForCode, bool asItself, bool isForOthers, List<string> why)
    {
        int at = OpenBelow(root, place);
        if (at < 0)
        {
            why.Add($"{place}: {Marshal.GetLastPInvokeErrorMessage()}");
            return null;
        }
        bool isMade = false;
        try
        {
            if (isForCode && IsNotForCode(at))
            {
                why.Add($"{place}: {NotForCode}");
                return null;
            }
            string name = $"allocreplay-{KernelRandom.Name()}";
            using ActingAs? user = asItself ? ActingAs.UserOf(program.Status) : null;
            if (asItself && user is null)
                return null;
            int directory = MakeDirectory(at, name, (int)PrivateFile.DirectoryMode) != 0 ? -1
                : OpenAt(at, name, Libc.DirectoryOnly | Libc.NoFollow | Libc.CloseOnExec, 0);
            if (directory < 0)
            {
                why.Add($"{place}: {Marshal.GetLastPInvokeErrorMessage()}");
                _ = Unlink(at, name, RemoveDirectory);
                return null;
            }
            isMade = true;
            const UnixFileMode pass = UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
            var made = new DirectoryInside(at, directory, name, $"{place}/{name}", asItself ? program.Status : null, isForOthers);
            if (isForOthers)
                File.SetUnixFileMode(made.Outside("."), PrivateFile.DirectoryMode | pass);
            return made;
        }
        finally
        {
            if (!isMade)
                _ = Libc.Close(at);
        }
    }

    /// <summary>Does what makes a file in it, or takes one away, as who it belongs to.</summary>
    public void Do(Action what)
    {
        using ActingAs? user = _owner is null ? null : ActingAs.UserOf(_owner);
        what();
    }

    /// <summary>Whether what lies there is not executed.</summary>
    private static bool IsNotForCode(int directory)
    {
        const int flags = 10, noExec = 8; // of struct statfs, in words; ST_NOEXEC
        long* status = stackalloc long[32];
        return FileSystemStatus(directory, status) == 0 && (status[flags] & noExec) != 0;
    }

    /// <summary>As if the root were ours: a link in it, to /run say, is one in that tree.</summary>
    private static int OpenBelow(int root, string path)
    {
        const int openat2 = 437, noSystemCall = 38, mayNot = 1;
        ulong* how = stackalloc ulong[3] { (ulong)(Libc.PathOnly | Libc.DirectoryOnly | Libc.CloseOnExec), 0, 0x10 /* RESOLVE_IN_ROOT */ };
        fixed (byte* name = System.Text.Encoding.UTF8.GetBytes(path + '\0'))
        {
            nint there = Syscall(openat2, root, (nint)name, (nint)how, 3 * sizeof(ulong));
            if (there >= 0 || Marshal.GetLastPInvokeError() is not (noSystemCall or mayNot))
                return (int)there;
        }
        // Linux before 5.6, or a filter that does not know it: then without links.
        int at = -1;
        foreach (string part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            int next = OpenAt(at < 0 ? root : at, part, Libc.PathOnly | Libc.DirectoryOnly | Libc.NoFollow | Libc.CloseOnExec, 0);
            if (at >= 0)
                _ = Libc.Close(at);
            if ((at = next) < 0)
                break;
        }
        return at;
    }

    public void Dispose()
    {
        Do(() =>
        {
            try
            {
                foreach (string file in Directory.GetFiles(Outside("")))
                    File.Delete(file);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Its user has taken it away, or the file system is read-only by now.
            }
            _ = Unlink(_place, _name, RemoveDirectory);
        });
        _ = Libc.Close(_directory);
        _ = Libc.Close(_place);
    }

    [LibraryImport("libc", EntryPoint = "mkdirat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeDirectory(int directory, string name, int mode);

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenAt(int directory, string name, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "unlinkat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Unlink(int directory, string name, int flags);

    [LibraryImport("libc", EntryPoint = "access", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Access(string path, int mode);

    [LibraryImport("libc", EntryPoint = "fstatfs", SetLastError = true)]
    private static partial int FileSystemStatus(int descriptor, long* status);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint Syscall(nint number, nint a, nint b, nint c, nint d);
}
