using System.Text.Json;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Endtoend;

/// <summary>
/// The native recorder as <c>./build.sh dist</c> packs it, unpacked on systems that have no .NET and no compiler; what it records is replayed and compared
/// here. Only in <c>./build.sh test --all</c>: each system is made by debootstrap first, and kept in artifacts/systems.
/// </summary>
[StartsProcesses]
public sealed class SystemsTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("bullseye")]
    [InlineData("bookworm")]
    [InlineData("trixie")]
    public void A_recording_that_was_made_where_no_NET_is_is_replayed_and_compared_here(string release)
    {
        Assert.SkipUnless(Effort.OfLong(all: 1, usual: 0) == 1, "only in ./build.sh test --all");
        Programs.Need("debootstrap", "unshare");
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "chroot needs root");
        Assert.NotEmpty(Distribution.Recorder);
        string root = Artifact($"systems/{release}");
        ProgramResult made = Programs.Run(Script, ["make", release, root]);
        Assert.SkipWhen(made.ExitCode != 0, $"debootstrap could not make {release}");
        string recorder = "/opt/" + Distribution.Unpack(Path.Combine(root, "opt"));
        Assert.NotEqual(0, In(root, "sh", "-c", "command -v dotnet || command -v gcc || command -v cc").ExitCode);

        ProgramResult version = In(root, $"{recorder}/allocreplay", "--version");
        ProgramResult record = In(root, $"{recorder}/allocreplay", "record", "--force", "-o", "/tmp/x.alloctrace", "--", "ls", "-lR", "/usr");
        ProgramResult info = In(root, $"{recorder}/allocreplay", "info", "--json", "/tmp/x.alloctrace");

        Assert.Equal((0, ""), (version.ExitCode, version.Error));
        Assert.Equal(0, record.ExitCode);
        Assert.Contains("allocreplay: packed /tmp/x.alloctrace", record.Error, StringComparison.Ordinal);
        Assert.Equal(0, info.ExitCode);
        string trace = _directory["x.alloctrace"];
        File.Copy(Path.Combine(root, "tmp", "x.alloctrace"), trace);
        ProgramResult here = Programs.AllocReplay("info", "--json", trace);
        using JsonDocument read = JsonDocument.Parse(here.Output);
        Assert.Equal(0, read.RootElement.GetProperty("events_lost").GetInt64());
        Assert.InRange(read.RootElement.GetProperty("calls").GetInt64(), 10_000, long.MaxValue);
        Assert.Equal(here.Output.Replace(trace, "/tmp/x.alloctrace", StringComparison.Ordinal), info.Output);
        Assert.Equal(SourceTree.Read("tests/golden/recorder-help.txt"), In(root, $"{recorder}/allocreplay", "--help").Output);
        Assert.Equal(0, Programs.AllocReplay("replay", trace).ExitCode);
        Assert.Equal(0, Programs.AllocReplay("compare", trace, "--allocator", "glibc", "--budget", "5s").ExitCode);
    }

    private static string Script => Path.Combine(SourceTree.Root, "tests", "debian.sh");

    private static string Artifact(string name) => Path.Combine(SourceTree.Root, "artifacts", name);

    private static ProgramResult In(string root, params string[] command) => Programs.Run(Script, ["run", root, .. command]);
}
