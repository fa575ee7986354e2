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
    /// <param name="Search">Where else it may be, or null.</param>
    private sealed record Known(string Name, string[] Packages, string[] Files, Func<string?>? Search = null)
    {
        private readonly Lazy<string> _package = new(() => DebianPackage.Offered(Packages));

        public string Package => _package.Value;

        public Place? Find() => AllocatorCatalog.Find(Files) ?? (Search?.Invoke() is { } path ? new Place(path, "LLVM's run-time libraries") : null);
    }

    /// <summary>LLVM's, newest first.</summary>
    private static readonly int[] Releases = [22, 21, 20, 19, 18, 17, 16, 15, 14];

    private static readonly Known[] Libraries =
    [
        new("jemalloc", ["libjemalloc2"], ["libjemalloc.so.2"]),
        new("mimalloc", ["libmimalloc3", "libmimalloc2.0"], ["libmimalloc.so.3", "libmimalloc.so.2", "libmimalloc.so.2.0"]),
        new("tcmalloc", ["libgoogle-perftools4t64", "libgoogle-perftools4"], ["libtcmalloc.so.4"]),
        new("tcmalloc_minimal", ["libtcmalloc-minimal4t64", "libtcmalloc-minimal4"], ["libtcmalloc_minimal.so.4"]),
        new("scudo", [.. Releases.Select(n => $"libclang-rt-{n}-dev")], [], ClangRuntime.Scudo),
    ];

    /// <param name="Path">The file, links not resolved.</param>
    /// <param name="FoundBy">How it was found, for people.</param>
    private sealed record Place(string Path, string FoundBy);

    private static readonly string[] LinkerTools = ["/sbin/ldconfig", "/usr/sbin/ldconfig"];

    /// <summary>All names, in the order that tables show them.</summary>
    public static IReadOnlyList<string> Names { get; } = [Glibc, .. Libraries.Select(l => l.Name), Noop, Ideal];

    /// <summary>All known allocators, those that are missing too.</summary>
    public static IReadOnlyList<CatalogEntry> List() =>
    [
        new CatalogEntry(Glibc, "", OfLibc()),
        .. Libraries.Select(l => l.Find() is { } place ? new CatalogEntry(l.Name, "", OfLibrary(l.Name, place)) : new CatalogEntry(l.Name, l.Package, null)),
        new CatalogEntry(Noop, "", OfNothing()),
        new CatalogEntry(Ideal, "", OfIdeal()),
    ];

    /// <summary>The allocator of that name, or any library as <c>name=path.so</c>.</summary>
    /// <param name="item">The name.</param>
    /// <param name="directory">Where a relative path begins; null: the current directory.</param>
    /// <exception cref="ReplayException">The name is not known, or it is not installed.</exception>
    public static Allocator Resolve(string item, string? directory = null)
    {
        int equals = item.IndexOf('=', StringComparison.Ordinal);
        string name = equals < 0 ? item : item[..equals];
        if (equals >= 0)
        {
            if (equals == 0 || equals == item.Length - 1)
                throw new ReplayException(ReplayFailure.Usage, $"{item}: expected name=path.so");
            string path = Path.GetFullPath(item[(equals + 1)..], directory ?? Environment.CurrentDirectory);
            PreloadedLibrary.Require(name, path);
            return OfLibrary(name, new Place(path, "its path")) with { IsGiven = true };
        }
        if (name == Glibc)
            return OfLibc();
        if (name == Noop)
            return OfNothing();
        if (name == Ideal)
            return OfIdeal();
        Known known = Libraries.FirstOrDefault(l => l.Name == name)
            ?? throw new ReplayException(ReplayFailure.Usage, $"no allocator is called {name}; known: {string.Join(", ", Names)}, or name=path.so");
        Place found = known.Find()
            ?? throw new ReplayException(ReplayFailure.NotPossible, $"{name} is not installed: apt-get install {known.Package}");
        return OfLibrary(name, found);
    }

    /// <summary>What is no allocator, and shows within which bounds allocators lie.</summary>
    public static IReadOnlyList<Allocator> References { get; } = [OfNothing(), OfIdeal()];

    private static Allocator OfNothing() => new() { Name = Noop, IsNoop = true };

    private static Allocator OfIdeal() => new() { Name = Ideal, IsIdeal = true };

    private static Allocator OfLibc()
    {
        Place? place = Find(["libc.so.6"]);
        string? real = place is null ? null : RealPath(place.Path);
        return new Allocator
        {
            Name = Glibc,
            Library = real,
            Version = Marshal.PtrToStringUTF8((nint)GlibcVersion()) ?? "",
            Package = real is null ? "" : DebianPackage.Of(real),
            BuildId = real is null ? "" : ElfBuildId.Read(real),
            FoundBy = place?.FoundBy ?? "",
            Family = AllocatorFamily.Glibc,
        };
    }

    private static Allocator OfLibrary(string name, Place place)
    {
        string real = RealPath(place.Path);
        (string version, AllocatorFamily family) = AllocatorProbe.Ask(real);
        return new Allocator
        {
            Name = name,
            Preload = place.Path,
            Library = real,
            Version = version,
            Package = DebianPackage.Of(real),
            BuildId = ElfBuildId.Read(real),
            FoundBy = place.FoundBy,
            Family = family,
        };
    }

    private static string RealPath(string path) =>
        new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? path;

    private static Place? Find(string[] files)
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
                    return new Place(Path.Combine(directory, file), "library directories");
        return FindInLinkerCache(files) is { } path ? new Place(path, "the linker's cache") : null;
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
