using AllocReplay.Formats;
using AllocReplay.Formats.Statistics;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>Programs that have other process ids, or another /dev/shm, than the machine.</summary>
[StartsProcesses]
public sealed class NamespaceTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private string Recording => _directory["r.allocrec"];

    private string[] Record => [Programs.AllocReplayCommand, "record", "-q", "-o", Recording, "--"];

    public void Dispose() => _directory.Dispose();

    /// <summary>Each calls itself 1, as the machine's own first process does, which is another and records nothing.</summary>
    [Fact]
    public void Programs_in_namespaces_of_process_ids_are_recorded_whole()
    {
        const int calls = 2_000_000;
        Need("--pid", "--fork");
        string one = $"unshare --pid --fork {Targets.Build("steady.c")} 2 {calls}";

        ProgramResult result = Programs.Run("timeout", ["60", .. Record, "sh", "-c", $"{one} & {one} & wait"]);

        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.False(Directory.EnumerateFileSystemEntries(Recording, "arena").Any(), "the drain goes on");
        using Trace trace = Trace.Open(Recording);
        string[] images = [.. trace.Images.Select(i => i.Name).Where(n => n.StartsWith("p1.", StringComparison.Ordinal))];
        Assert.Equal(2, images.Length);
        Assert.All(images, image =>
        {
            using TraceReader reader = trace.OpenImage(image);
            // Four busy threads may be ahead of the drain: what it could not take is counted.
            Assert.InRange(TraceStatistics.Of(reader).Calls + (long)reader.Process.LostEvents, 2 * calls, 2 * calls + 1000);
        });
    }

    /// <summary>Containers give 64 MiB and less, which others use too.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(24)]
    [InlineData(60)]
    public void A_small_dev_shm_is_enough_or_is_not_used(int mebibytes)
    {
        const int calls = 1_000_000;
        Need("--mount");
        string mount = $"mount --make-rprivate / && mount -t tmpfs -o size={mebibytes}M tmpfs /dev/shm && exec \"$@\"";

        ProgramResult result = Programs.Run("unshare", ["--mount", "sh", "-c", mount, "sh", .. Record, Targets.Build("steady.c"), "2", $"{calls}"]);

        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        using TraceReader reader = TraceReader.Open(Recording);
        Assert.InRange(TraceStatistics.Of(reader).Calls, 2 * calls, 2 * calls + 1000);
    }

    private static void Need(params string[] namespaces)
    {
        Programs.Need("unshare");
        Assert.SkipUnless(Programs.Run("unshare", [.. namespaces, "true"]).ExitCode == 0, "this user may not make namespaces");
    }
}
