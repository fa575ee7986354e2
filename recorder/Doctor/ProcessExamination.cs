using System.Globalization;
using System.Text;
using AllocReplay.Recorder.Arena;
using AllocReplay.Recorder.Attach;

namespace AllocReplay.Recorder.Doctor;

/// <summary>Whether a process that runs could be recorded, were it started under the recorder, and what is to know of it.</summary>
public static class ProcessExamination
{
    /// <summary>The oldest release of glibc that the hook loads into.</summary>
    private static readonly (int Major, int Minor) OldestCLibrary = (2, 17);

    /// <summary>What files of allocators are named after.</summary>
    private static readonly string[] Allocators = ["libjemalloc", "libtcmalloc", "libmimalloc", "libscudo", "libhoard", "librpmalloc", "libsnmalloc"];

    private static readonly string[] NamespaceKinds = ["pid", "mnt", "user"];

    /// <summary>Looks at a process. One that is not there, or not ours, gives one finding.</summary>
    /// <param name="pid">Its id.</param>
    public static IReadOnlyList<Finding> Examine(int pid) =>
        Examine(new SystemFiles(), RunningThreads.DirectoryOf(pid)[1..], pid, Libc.EffectiveUser,
            new ProgramFile(path => Executable.WhyNotRecordable(path), path => Executable.UnrecordedCalls(path), Executable.HasOwnAllocator),
            ControlTarget.RecordingOf, Attachment.WhyNot);

    internal static IReadOnlyList<Finding> Examine(
        SystemFiles files, string process, int pid, uint user, ProgramFile program, Func<int, string?> sessionOf, Func<int, string?> whyNotAttached)
    {
        Finding first = OfProcess(files, process, user);
        if (first.Verdict == Verdict.Stops)
            return [first];
        string[] libraries = Libraries(files.Text($"{process}/maps") ?? "");
        return
        [
            first, OfProgram(files, process, program), OfCLibrary(files, process, libraries),
            OfAllocator(libraries, program.HasOwnAllocator(files.At($"{process}/exe"))),
            OfRecorded(sessionOf(pid)), MachineExamination.OfPreload(PreloadOf(files.Text($"{process}/environ") ?? "")),
            MachineExamination.OfFilter(files, process), MachineExamination.OfLimits(files, process), MachineExamination.OfMemoryLimit(files, process),
            OfTracer(files, process), OfNamespaces(files, process), OfAttach(whyNotAttached(pid)),
        ];
    }

    private static Finding OfProcess(SystemFiles files, string process, uint user)
    {
        string[] owners = files.Field($"{process}/status", "Uid")?.Split('\t') ?? [];
        string name = files.Text($"{process}/comm")?.Trim() ?? "";
        if (owners.Length < 2 || files.Field($"{process}/status", "State")?.StartsWith('Z') == true)
        {
            return new(CheckKind.Process, Verdict.Stops,
                name.Length == 0 ? "there is none" : $"{name} has ended, and its parent has not waited for it", Obstacle.NoProcess);
        }
        if (files.Text($"{process}/cmdline") is "")
            return new(CheckKind.Process, Verdict.Stops, $"{name} is a thread of the kernel", Obstacle.KernelThread);
        string threads = files.Field($"{process}/status", "Threads") is { } n and not "1" ? $"{n} threads" : "1 thread";
        string found = $"{name}, {threads}, user {owners[1]}";
        bool isOurs = user == 0 || owners.All(o => o == user.ToString(CultureInfo.InvariantCulture));
        return isOurs && files.Link($"{process}/exe") is not null // root of a namespace may not look at those outside
            ? new(CheckKind.Process, Verdict.Fine, found)
            : new(CheckKind.Process, Verdict.Stops, found, Obstacle.OtherUser);
    }

    private static Finding OfProgram(SystemFiles files, string process, ProgramFile program)
    {
        string link = files.At($"{process}/exe"), path = files.Link($"{process}/exe") ?? "";
        if (program.WhyNot(link) is { } why)
            return new(CheckKind.Program, Verdict.Stops, $"{path}: {Executable.Describe(why)}", Obstacle.ProgramRefused);
        return program.Unrecorded(link) is { } calls
            ? new(CheckKind.Program, Verdict.Limited, $"{path} {calls}", Obstacle.UnrecordedCalls)
            : new(CheckKind.Program, Verdict.Fine, path);
    }

    private static Finding OfCLibrary(SystemFiles files, string process, string[] libraries)
    {
        if (libraries.FirstOrDefault(l => NameOf(l).StartsWith("ld-musl-", StringComparison.Ordinal)) is { } musl)
            return new(CheckKind.CLibrary, Verdict.Stops, musl, Obstacle.Musl);
        string? library = libraries.FirstOrDefault(l => NameOf(l) is "libc.so.6" || NameOf(l).StartsWith("libc-2.", StringComparison.Ordinal));
        if (library is null)
            return new(CheckKind.CLibrary, Verdict.Fine, "none found");
        if (VersionOf(files.At($"{process}/root{library}")) is not var (major, minor))
            return new(CheckKind.CLibrary, Verdict.Fine, library);
        string found = string.Create(CultureInfo.InvariantCulture, $"glibc {major}.{minor}");
        return (major, minor).CompareTo(OldestCLibrary) >= 0
            ? new(CheckKind.CLibrary, Verdict.Fine, found)
            : new(CheckKind.CLibrary, Verdict.Stops, found, Obstacle.OldCLibrary);
    }

    private static Finding OfAllocator(string[] libraries, bool hasOwn) => new(CheckKind.Allocator, Verdict.Fine,
        hasOwn ? "its own, linked into it"
            : libraries.FirstOrDefault(l => Allocators.Any(n => NameOf(l).StartsWith(n, StringComparison.Ordinal))) ?? "the C library's");

    private static Finding OfRecorded(string? session) =>
        session is null ? new(CheckKind.Recorded, Verdict.Fine, "no")
            : new(CheckKind.Recorded, Verdict.Limited, $"into {session}", Obstacle.RecordedAlready);

    private static Finding OfTracer(SystemFiles files, string process) => files.Number($"{process}/status", "TracerPid") is { } tracer and not 0
        ? new(CheckKind.Tracer, Verdict.Limited, ProcessStatus.Describe((int)tracer), Obstacle.Traced)
        : new(CheckKind.Tracer, Verdict.Fine, "none");

    private static Finding OfAttach(string? whyNot) => whyNot is null
        ? new(CheckKind.Attach, Verdict.Fine, "nothing seems to be in the way")
        : new(CheckKind.Attach, Verdict.Limited, whyNot, Obstacle.NotAttached);

    private static Finding OfNamespaces(SystemFiles files, string process)
    {
        string[] other = [.. NamespaceKinds.Where(n => files.Link($"{process}/ns/{n}") is { } its && files.Link($"proc/self/ns/{n}") != its)];
        return other.Length == 0
            ? new(CheckKind.Namespaces, Verdict.Fine, "ours")
            : new(CheckKind.Namespaces, Verdict.Limited, $"its own ({string.Join(", ", other)})", Obstacle.OtherNamespace);
    }

    /// <summary>Files that are mapped with code.</summary>
    private static string[] Libraries(string maps) =>
        [.. from line in maps.Split('\n')
            let path = line.IndexOf('/', StringComparison.Ordinal)
            where path > 0 && line.Split(' ', 3) is [_, { Length: 4 } rights, _] && rights[2] == 'x'
            select line[path..]];

    /// <summary>What is asked of an executable.</summary>
    /// <param name="WhyNot"><see cref="Executable.WhyNotRecordable"/></param>
    /// <param name="Unrecorded"><see cref="Executable.UnrecordedCalls"/></param>
    /// <param name="HasOwnAllocator"><see cref="Executable.HasOwnAllocator"/></param>
    internal sealed record ProgramFile(Func<string, Unrecordable?> WhyNot, Func<string, string?> Unrecorded, Func<string, bool> HasOwnAllocator);

    private static string NameOf(string path) => path[(path.LastIndexOf('/') + 1)..];

    private static string? PreloadOf(string environment)
    {
        const string name = "LD_PRELOAD=";
        return environment.Split('\0').FirstOrDefault(v => v.StartsWith(name, StringComparison.Ordinal))?[name.Length..];
    }

    /// <summary>By the sentence that every glibc carries; null where it is not there, or not for us.</summary>
    private static (int Major, int Minor)? VersionOf(string library)
    {
        try
        {
            ReadOnlySpan<byte> bytes = File.ReadAllBytes(library), sentence = "stable release version "u8;
            int at = bytes.IndexOf(sentence);
            if (at < 0)
                return null;
            const int longest = 12;
            ReadOnlySpan<byte> rest = bytes[(at + sentence.Length)..];
            string text = Encoding.ASCII.GetString(rest[..Math.Min(longest, rest.Length)]);
            string version = string.Concat(text.TakeWhile(c => c == '.' || char.IsAsciiDigit(c)));
            return Version.TryParse(version.TrimEnd('.'), out Version? release) ? (release.Major, release.Minor) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
