using AllocReplay.Replayer;
using AllocReplay.Replayer.Allocators;
using AllocReplay.Replayer.Run;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Replayer;

[StartsProcesses]
public sealed class AllocatorTests
{
    [Fact]
    public void An_unknown_name_is_a_usage_error_that_lists_the_names()
    {
        var e = Assert.Throws<ReplayException>(() => Configuration.Parse("hoard"));
        Assert.Equal(ReplayFailure.Usage, e.Failure);
        Assert.Contains("glibc, jemalloc, mimalloc, tcmalloc, tcmalloc_minimal, scudo, noop, ideal", e.Message);
    }

    [Fact]
    public void A_library_that_is_not_there_is_not_possible()
    {
        var e = Assert.Throws<ReplayException>(() => Configuration.Parse("mine=/nowhere/libmine.so"));
        Assert.Equal(ReplayFailure.NotPossible, e.Failure);
    }

    [Fact]
    public void Capitals_set_the_environment_of_the_allocator_before_them()
    {
        IReadOnlyList<Configuration> configurations = Configuration.Parse("glibc,MALLOC_ARENA_MAX=1,MALLOC_TOP_PAD_=0,noop,glibc");
        Assert.Equal(["glibc,MALLOC_ARENA_MAX=1,MALLOC_TOP_PAD_=0", "noop", "glibc"], configurations.Select(c => c.Name));
        Assert.Equal(["MALLOC_ARENA_MAX=1", "MALLOC_TOP_PAD_=0"], configurations[0].Environment);
        Assert.Empty(configurations[2].Environment);
    }

    [Theory]
    [InlineData("")]
    [InlineData("MALLOC_ARENA_MAX=1,glibc")]
    [InlineData("glibc,noop,glibc")]
    public void A_list_that_makes_no_sense_is_a_usage_error(string list) =>
        Assert.Equal(ReplayFailure.Usage, Assert.Throws<ReplayException>(() => Configuration.Parse(list)).Failure);

    [Fact]
    public void Glibc_and_noop_are_always_there_and_what_is_missing_names_its_package()
    {
        IReadOnlyList<CatalogEntry> entries = AllocatorCatalog.List();
        Assert.Equal(AllocatorCatalog.Names, entries.Select(e => e.Name));
        Assert.NotNull(entries[0].Found);
        Assert.NotNull(entries[^1].Found);
        Assert.All(entries, e => Assert.True(e.Found is not null || e.Package.Length > 0));
    }

    [Fact]
    public void A_build_id_is_read_from_the_notes_of_a_library()
    {
        Allocator glibc = AllocatorCatalog.Resolve("glibc");
        Assert.Matches("^[0-9a-f]{40}$", glibc.BuildId);
        Assert.Equal("", ElfBuildId.Read("/etc/passwd"));
        Assert.Equal("", ElfBuildId.Read("/nowhere"));
    }

    [Fact]
    public void A_truncated_library_has_no_build_id()
    {
        using var directory = new TemporaryDirectory();
        byte[] whole = File.ReadAllBytes(AllocatorCatalog.Resolve("glibc").Library!);
        foreach (int length in (int[])[0, 5, 63, 64, 100, 500])
        {
            File.WriteAllBytes(directory["cut.so"], whole[..length]);
            Assert.Equal("", ElfBuildId.Read(directory["cut.so"]));
        }
    }

    [Theory]
    [InlineData("jemalloc", "libjemalloc2", "^5\\.[0-9]+\\.[0-9]+")]
    [InlineData("mimalloc", "libmimalloc", "^[23]\\.[0-9]+\\.[0-9]+$")]
    [InlineData("tcmalloc", "libgoogle-perftools4", "^2\\.[0-9]+")]
    [InlineData("tcmalloc_minimal", "libtcmalloc-minimal4", "^2\\.[0-9]+")]
    [StartsProcesses]
    public void A_version_is_the_release_and_not_the_soname(string name, string package, string release)
    {
        Allocator allocator = ReplayTests.Installed(name).Allocator;
        Assert.Matches(release, allocator.Version);
        if (allocator.Package.Length == 0)
            return; // not Debian, or not from a package
        Assert.StartsWith(package, allocator.Package);
        Assert.Contains(allocator.Version, allocator.Package);
    }

    [Theory]
    [InlineData("glibc", AllocatorFamily.Glibc)]
    [InlineData("jemalloc", AllocatorFamily.Jemalloc)]
    [InlineData("mimalloc", AllocatorFamily.Mimalloc)]
    [InlineData("tcmalloc", AllocatorFamily.Gperftools)]
    [InlineData("scudo", AllocatorFamily.Scudo)]
    public void Whose_settings_it_reads_and_how_it_was_found_are_known(string name, AllocatorFamily family)
    {
        Allocator allocator = ReplayTests.Installed(name).Allocator;
        Assert.Equal(family, allocator.Family);
        Assert.NotEqual("", allocator.FoundBy);
        Assert.False(allocator.IsGiven);
    }

    [Fact]
    public void A_library_that_tells_no_release_has_none()
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory["libnothing.so.9.9"], "");
        Allocator nothing = AllocatorCatalog.Resolve($"mine={directory["libnothing.so.9.9"]}");
        Assert.Equal(("", ""), (nothing.Version, nothing.Package));
    }

    [Theory]
    [InlineData("libmimalloc3", "libmimalloc3")]
    [InlineData("libmimalloc2.0", "libmimalloc2.0")]
    [InlineData("", "libmimalloc3")]
    public void A_missing_allocator_names_the_package_that_this_release_has(string offered, string expected) =>
        Assert.Equal(expected, DebianPackage.Offered(["libmimalloc3", "libmimalloc2.0"], name => name == offered));
}
