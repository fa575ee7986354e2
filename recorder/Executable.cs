using System.Runtime.InteropServices;
using System.Text;

namespace AllocReplay.Recorder;

/// <summary>Why a file's calls of malloc cannot be recorded.</summary>
public enum Unrecordable
{
    /// <summary>It runs with other rights than its caller: nothing is preloaded.</summary>
    SetUserId,
    /// <summary>It has no dynamic linker, which loads the hook.</summary>
    Static,
    /// <summary>It is not of 64 bits, as the hook is.</summary>
    NotNative,
    /// <summary>It has a malloc of its own, and its calls do not leave it.</summary>
    OwnAllocator,
    /// <summary>As <see cref="OwnAllocator"/>, but that is a tcmalloc which tells of its calls: <see cref="RecordVia.MallocHook"/>.</summary>
    OwnTcmalloc,
}

/// <summary>Tells from an executable's file whether the hook can reach its calls.</summary>
public static class Executable
{
    /// <summary>Scripts whose interpreters are scripts: as many as Linux follows.</summary>
    private const int InterpretersMax = 4;

    /// <summary>Functions of allocators' own that take or give back blocks. No program that does without such an allocator has them.</summary>
    private static readonly string[] OwnFunctions =
    [
        "mallocx", "rallocx", "xallocx", "dallocx", "sdallocx",
        "je_malloc", "je_calloc", "je_realloc", "je_aligned_alloc", "je_posix_memalign", "je_free", "je_mallocx", "je_rallocx", "je_xallocx",
        "je_dallocx", "je_sdallocx",
        "tc_malloc", "tc_malloc_skip_new_handler", "tc_calloc", "tc_realloc", "tc_memalign", "tc_posix_memalign", "tc_valloc", "tc_pvalloc", "tc_free",
        "tc_free_sized", "tc_cfree", "tc_new", "tc_new_nothrow", "tc_newarray", "tc_newarray_nothrow", "tc_delete", "tc_delete_sized",
        "tc_delete_nothrow", "tc_deletearray", "tc_deletearray_sized", "tc_deletearray_nothrow",
        "mi_malloc", "mi_zalloc", "mi_calloc", "mi_mallocn", "mi_realloc", "mi_reallocn", "mi_reallocf", "mi_rezalloc", "mi_recalloc",
        "mi_malloc_small", "mi_zalloc_small", "mi_malloc_aligned", "mi_zalloc_aligned", "mi_calloc_aligned", "mi_realloc_aligned", "mi_memalign",
        "mi_posix_memalign", "mi_aligned_alloc", "mi_strdup", "mi_strndup", "mi_heap_malloc", "mi_heap_zalloc", "mi_heap_calloc", "mi_heap_realloc",
        "mi_heap_malloc_aligned", "mi_heap_destroy", "mi_free", "mi_free_size", "mi_free_aligned", "mi_cfree", "mi_new", "mi_new_aligned",
        "mi_new_nothrow", "mi_new_n",
    ];

    /// <summary>Those of them that the hook does not know: recorder/hook/linked.c.</summary>
    private static readonly string[] NeverRecorded = ["xallocx", "je_xallocx", "mi_heap_destroy"];

    /// <summary>Whether the hook has the calls of an allocator that is linked into an executable: recorder/hook/detour.c.</summary>
    private static bool HasDetours => RuntimeInformation.ProcessArchitecture == Architecture.X64;

    /// <summary>Why the hook would see no call of this file when it is run; null when it would, or when the file may not be read.</summary>
    /// <param name="path">The file. Of a script, its interpreter is judged.</param>
    /// <param name="via">How the calls are to be seen.</param>
    /// <param name="detours">Whether the code of an allocator that is linked in may be changed: <see cref="RecordOptions.Detours"/>.</param>
    public static Unrecordable? WhyNotRecordable(string path, RecordVia via = RecordVia.Preload, bool detours = true)
    {
        try
        {
            for (int i = 0; i < InterpretersMax; i++)
            {
                UnixFileMode mode = File.GetUnixFileMode(path);
                if ((mode & (UnixFileMode.SetUser | UnixFileMode.SetGroup)) != 0 && !Environment.IsPrivilegedProcess)
                    return Unrecordable.SetUserId;
                using ElfImage? image = ElfImage.Open(path);
                if (image is not null)
                    return Judge(image, via, detours && HasDetours);
                if (InterpreterOf(path) is not { } interpreter)
                    return null;
                path = interpreter;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The system may run what we may not read.
        }
        return null;
    }

    /// <summary>Which of its calls the hook does not see though it sees the rest, as the end of a sentence.</summary>
    /// <returns>null when it is none, or when the file may not be read.</returns>
    /// <param name="path">The file.</param>
    /// <param name="detours">Whether functions of an allocator beside malloc are recorded: <see cref="RecordOptions.Detours"/>.</param>
    public static string? UnrecordedCalls(string path, bool detours = true) =>
        Ask(path, image => image.Imports(detours && HasDetours ? NeverRecorded : OwnFunctions)) is { Count: > 0 } names
            ? $"calls {string.Join(", ", names.Order())}, which are not recorded" : null;

    /// <summary>Whether an allocator is linked into it, as far as its symbols tell; false where it may not be read.</summary>
    /// <param name="path">The file.</param>
    public static bool HasOwnAllocator(string path) => Ask(path, HasAllocator);

    /// <summary>A reason as a phrase, to follow the file's name.</summary>
    public static string Describe(Unrecordable why) => why switch
    {
        Unrecordable.SetUserId => "it is set-user-ID or set-group-ID, and the dynamic linker preloads nothing into such programs",
        Unrecordable.Static => "it is statically linked, and the recorder is loaded by the dynamic linker",
        Unrecordable.NotNative => "it is not a 64-bit program of this machine, as the recorder is",
        Unrecordable.OwnAllocator => "it has a malloc of its own linked in, and its calls do not leave it; on x86-64, without --no-detours, "
            + "they are recorded",
        _ => "it has a malloc of its own linked in, gperftools' tcmalloc, and its calls do not leave it",
    };

    /// <summary>What a file says; nothing where it is no executable, or may not be read.</summary>
    private static T? Ask<T>(string path, Func<ElfImage, T> what)
    {
        try
        {
            using ElfImage? image = ElfImage.Open(path);
            return image is null ? default : what(image);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return default;
        }
    }

    private static Unrecordable? Judge(ElfImage image, RecordVia via, bool detours)
    {
        if (!image.IsNative)
            return Unrecordable.NotNative;
        if (!image.HasInterpreter)
            return Unrecordable.Static;
        // Operator new alone is no sign: programs have their own for other ends, or libstdc++'s linked in, and those call malloc.
        if (via == RecordVia.MallocHook || detours || !HasAllocator(image))
            return null;
        return image.Exports("MallocHook_AddNewHook"u8) ? Unrecordable.OwnTcmalloc : Unrecordable.OwnAllocator;
    }

    /// <summary>One that is exported, or one that is kept inside: then malloc alone may be a function of one source file.</summary>
    private static bool HasAllocator(ElfImage image) => image.Exports("malloc"u8) || image.Defines("malloc"u8) && image.Defines("free"u8);

    private static string? InterpreterOf(string path)
    {
        const int lineMax = 256; // as Linux reads
        Span<byte> start = stackalloc byte[lineMax];
        using FileStream file = File.OpenRead(path);
        start = start[..file.ReadAtLeast(start, lineMax, throwOnEndOfStream: false)];
        if (!start.StartsWith("#!"u8))
            return null;
        int end = start.IndexOf((byte)'\n');
        string line = Encoding.UTF8.GetString(end < 0 ? start[2..] : start[2..end]).Trim();
        int blank = line.IndexOfAny([' ', '\t']);
        return blank < 0 ? line : line[..blank];
    }
}
