using System.Buffers;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace AllocReplay.Replayer.Allocators;

/// <summary>A known allocator and whether this machine has it.</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="Package">Debian package that brings it, or empty.</param>
/// <param name="Found">What was found, or null.</param>
public sealed record CatalogEntry(string Name, string Package, Allocator? Found);

/// <summary>The allocators that have a name, and where they are on this machine.</summary>
public static unsafe partial class AllocatorCatalog
{
    private sealed record Known(string Name, string Package, params string[] Files);

    private static readonly Known[] Libraries =
    [
        new("jemalloc", "libjemalloc2", "libjemalloc.so.2"),
        new("mimalloc", "libmimalloc2.0", "libmimalloc.so.3", "libmimalloc.so.2", "libmimalloc.so.2.0"),
        new("tcmalloc", "libgoogle-perftools4", "libtcmalloc.so.4"),
        new("tcmalloc_minimal", "libtcmalloc-minimal4", "libtcmalloc_minimal.so.4"),
    ];

    private static readonly SearchValues<char> VariableCharacters = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    private static readonly string[] LinkerTools = ["/sbin/ldconfig", "/usr/sbin/ldconfig"];

    /// <summary>All names, in the order that tables show them.</summary>
    public static IReadOnlyList<string> Names { get; } = ["glibc", .. Libraries.Select(l => l.Name), "noop"];

    /// <summary>All known allocators, those that are missing too.</summary>
    public static IReadOnlyList<CatalogEntry> List() =>
    [
        new CatalogEntry("glibc", "", Glibc("glibc", [])),
        .. Libraries.Select(l => new CatalogEntry(l.Name, l.Package, Find(l.Files) is { } path ? FromLibrary(l.Name, path, []) : null)),
        new CatalogEntry("noop", "", Noop("noop")),
    ];

    /// <summary>
    /// Parses <c>name,name=path.so,NAME=VALUE,…</c>. An item whose name is in capitals is an environment variable for the
    /// allocator before it.
    /// </summary>
    /// <exception cref="ReplayException">A name is not known, or not installed.</exception>
    public static IReadOnlyList<Allocator> Parse(string list)
    {
        var specifications = new List<(string Item, List<string> Environment)>();
        foreach (string item in list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (!IsVariable(item))
                specifications.Add((item, []));
            else if (specifications.Count > 0)
                specifications[^1].Environment.Add(item);
            else
                throw new ReplayException(ReplayFailure.Usage, $"{item}: name an allocator first, then its environment");
        }
        if (specifications.Count == 0)
            throw new ReplayException(ReplayFailure.Usage, $"no allocator named; known: {string.Join(", ", Names)}, or name=path.so");
        List<Allocator> allocators = specifications.ConvertAll(s => Resolve(s.Item, s.Environment));
        if (allocators.GroupBy(a => a.Name).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new ReplayException(ReplayFailure.Usage, $"{twice.Key} is named twice");
        return allocators;
    }

    private static Allocator Resolve(string item, List<string> environment)
    {
        int equals = item.IndexOf('=', StringComparison.Ordinal);
        string name = equals < 0 ? item : item[..equals];
        string label = string.Join(',', [name, .. environment]);
        if (equals >= 0)
        {
            string path = Path.GetFullPath(item[(equals + 1)..]);
            return File.Exists(path)
                ? FromLibrary(label, path, environment)
                : throw new ReplayException(ReplayFailure.NotPossible, $"{name}: no such library: {path}");
        }
        if (name == "glibc")
            return Glibc(label, environment);
        if (name == "noop")
            return Noop(label);
        Known known = Libraries.FirstOrDefault(l => l.Name == name)
            ?? throw new ReplayException(ReplayFailure.Usage, $"no allocator is called {name}; known: {string.Join(", ", Names)}, or name=path.so");
        string found = Find(known.Files)
            ?? throw new ReplayException(ReplayFailure.NotPossible, $"{name} is not installed: apt-get install {known.Package}");
        return FromLibrary(label, found, environment);
    }

    private static bool IsVariable(string item)
    {
        int equals = item.IndexOf('=', StringComparison.Ordinal);
        return equals > 0 && item.AsSpan(0, equals).IndexOfAnyExcept(VariableCharacters) < 0;
    }

    private static Allocator Noop(string label) => new() { Name = label, IsNoop = true };

    private static Allocator Glibc(string label, IReadOnlyList<string> environment)
    {
        string? path = Find(["libc.so.6"]);
        return new Allocator
        {
            Name = label,
            Library = path is null ? null : RealPath(path),
            Version = Marshal.PtrToStringUTF8((nint)GlibcVersion()) ?? "",
            BuildId = path is null ? "" : ElfBuildId.Read(path),
            Environment = environment,
        };
    }

    private static Allocator FromLibrary(string label, string path, IReadOnlyList<string> environment)
    {
        string real = RealPath(path);
        return new Allocator
        {
            Name = label,
            Preload = path,
            Library = real,
            Version = VersionInName(real),
            BuildId = ElfBuildId.Read(real),
            Environment = environment,
        };
    }

    /// <summary><c>libtcmalloc.so.4.5.10</c> is version 4.5.10 of the library's interface at least.</summary>
    private static string VersionInName(string path)
    {
        string name = Path.GetFileName(path);
        int at = name.IndexOf(".so.", StringComparison.Ordinal);
        return at < 0 ? "" : name[(at + 4)..];
    }

    private static string RealPath(string path) =>
        new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? path;

    private static string? Find(string[] files)
    {
        string triplet = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
        string[] directories =
        [
            .. (Environment.GetEnvironmentVariable("LD_LIBRARY_PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries),
            "/usr/local/lib", $"/usr/lib/{triplet}", $"/lib/{triplet}", "/usr/lib64", "/lib64", "/usr/lib", "/lib",
        ];
        foreach (string file in files)
            foreach (string directory in directories)
                if (File.Exists(Path.Combine(directory, file)))
                    return Path.Combine(directory, file);
        return FindInLinkerCache(files);
    }

    /// <summary>Asks <c>ldconfig -p</c>, whose lines read <c>libx.so.1 (libc6,…) => /path/libx.so.1</c>.</summary>
    private static string? FindInLinkerCache(string[] files)
    {
        string? ldconfig = LinkerTools.FirstOrDefault(File.Exists);
        if (ldconfig is null)
            return null;
        using var process = Process.Start(new ProcessStartInfo(ldconfig, "-p") { RedirectStandardOutput = true, RedirectStandardError = true })!;
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        string[] lines = process.StandardOutput.ReadToEnd().Split('\n');
        process.WaitForExit();
        return files.Select(f => lines.FirstOrDefault(l => l.TrimStart().StartsWith(f + " ", StringComparison.Ordinal)))
            .OfType<string>().Select(l => l[(l.LastIndexOf(' ') + 1)..]).FirstOrDefault(File.Exists);
    }

    [LibraryImport("libc", EntryPoint = "gnu_get_libc_version")]
    private static partial byte* GlibcVersion();
}
