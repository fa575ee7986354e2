using System.Runtime.InteropServices;

namespace AllocReplay.Replayer.Allocators;

/// <summary>A known allocator and whether this machine has it.</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="Package">Of one that is missing: the Debian package that brings it. Else empty.</param>
/// <param name="Found">What was found, or null.</param>
public sealed record CatalogEntry(string Name, string Package, Allocator? Found);

/// <summary>The allocators that have a name, and where they are on this machine.</summary>
public static unsafe partial class AllocatorCatalog
{
    private const string Glibc = "glibc", Noop = "noop", Ideal = "ideal";

    /// <param name="Name">Its name on the command line.</param>
    /// <param name="Packages">Debian's packages, of newer releases first.</param>
    /// <param name="Files">The library's names, newer ones first.</param>
    private sealed record Known(string Name, string[] Packages, string[] Files)
    {
        private readonly Lazy<string> _package = new(() => DebianPackage.Offered(Packages));

        public string Package => _package.Value;
    }

    private static readonly Known[] Libraries =
    [
        new("jemalloc", ["libjemalloc2"], ["libjemalloc.so.2"]),
        new("mimalloc", ["libmimalloc3", "libmimalloc2.0"], ["libmimalloc.so.3", "libmimalloc.so.2", "libmimalloc.so.2.0"]),
        new("tcmalloc", ["libgoogle-perftools4t64", "libgoogle-perftools4"], ["libtcmalloc.so.4"]),
        new("tcmalloc_minimal", ["libtcmalloc-minimal4t64", "libtcmalloc-minimal4"], ["libtcmalloc_minimal.so.4"]),
    ];

    private static readonly string[] LinkerTools = ["/sbin/ldconfig", "/usr/sbin/ldconfig"];

    /// <summary>All names, in the order that tables show them.</summary>
    public static IReadOnlyList<string> Names { get; } = [Glibc, .. Libraries.Select(l => l.Name), Noop, Ideal];

    /// <summary>All known allocators, those that are missing too.</summary>
    public static IReadOnlyList<CatalogEntry> List() =>
    [
        new CatalogEntry(Glibc, "", OfLibc()),
        .. Libraries.Select(l => Find(l.Files) is { } path ? new CatalogEntry(l.Name, "", OfLibrary(l.Name, path)) : new CatalogEntry(l.Name, l.Package, null)),
        new CatalogEntry(Noop, "", OfNothing()),
        new CatalogEntry(Ideal, "", OfIdeal()),
    ];

    /// <summary>The allocator of that name, or any library as <c>name=path.so</c>.</summary>
    /// <exception cref="ReplayException">The name is not known, or it is not installed.</exception>
    public static Allocator Resolve(string item)
    {
        int equals = item.IndexOf('=', StringComparison.Ordinal);
        string name = equals < 0 ? item : item[..equals];
        if (equals >= 0)
        {
            string path = Path.GetFullPath(item[(equals + 1)..]);
            return File.Exists(path)
                ? OfLibrary(name, path)
                : throw new ReplayException(ReplayFailure.NotPossible, $"{name}: no such library: {path}");
        }
        if (name == Glibc)
            return OfLibc();
        if (name == Noop)
            return OfNothing();
        if (name == Ideal)
            return OfIdeal();
        Known known = Libraries.FirstOrDefault(l => l.Name == name)
            ?? throw new ReplayException(ReplayFailure.Usage, $"no allocator is called {name}; known: {string.Join(", ", Names)}, or name=path.so");
        string found = Find(known.Files)
            ?? throw new ReplayException(ReplayFailure.NotPossible, $"{name} is not installed: apt-get install {known.Package}");
        return OfLibrary(name, found);
    }

    private static Allocator OfNothing() => new() { Name = Noop, IsNoop = true };

    private static Allocator OfIdeal() => new() { Name = Ideal, IsIdeal = true };

    private static Allocator OfLibc()
    {
        string? path = Find(["libc.so.6"]);
        string? real = path is null ? null : RealPath(path);
        return new Allocator
        {
            Name = Glibc,
            Library = real,
            Version = Marshal.PtrToStringUTF8((nint)GlibcVersion()) ?? "",
            Package = real is null ? "" : DebianPackage.Of(real),
            BuildId = real is null ? "" : ElfBuildId.Read(real),
        };
    }

    private static Allocator OfLibrary(string name, string path)
    {
        string real = RealPath(path);
        return new Allocator
        {
            Name = name,
            Preload = path,
            Library = real,
            Version = AllocatorProbe.VersionOf(real),
            Package = DebianPackage.Of(real),
            BuildId = ElfBuildId.Read(real),
        };
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
        string[] lines = LinkerTools.FirstOrDefault(File.Exists) is { } ldconfig ? Tool.Output(ldconfig, "-p")?.Split('\n') ?? [] : [];
        return files.Select(f => lines.FirstOrDefault(l => l.TrimStart().StartsWith(f + " ", StringComparison.Ordinal)))
            .OfType<string>().Select(l => l[(l.LastIndexOf(' ') + 1)..]).FirstOrDefault(File.Exists);
    }

    [LibraryImport("libc", EntryPoint = "gnu_get_libc_version")]
    private static partial byte* GlibcVersion();
}
