using System.Globalization;
using AllocReplay.Analyzer.Query;
using AllocReplay.Cli;
using AllocReplay.Formats;
using AllocReplay.Formats.Statistics;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Endtoend;

/// <summary><c>record --mmap</c>: what the program has mapped is what it says, beside its blocks and not among them.</summary>
[StartsProcesses]
public sealed class RegionTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private string Recording => _directory["r.allocrec"];

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_mapped_is_what_the_program_says(bool threads)
    {
        string[] told = Record(["--mmap", "--stacks", "auto"], threads);
        using TraceReader reader = TraceReader.Open(Recording);
        Assert.True(reader.Process.Regions);
        TraceStatistics statistics = TraceStatistics.Of(reader);
        // Ranges side by side may be those of two calls.
        Assert.Equal(told, statistics.Regions.Mapped.Where(r => r.Size > 0).Select(Told));
        Assert.Equal(0ul, reader.Process.LostEvents);

        Programs.AllocReplay("analyze", Recording, "-o", _directory["data"]);
        using DatasetQuery query = DatasetQuery.Open(_directory["data"]);
        Assert.Equal(told, query.Rows("SELECT address, size FROM regions WHERE end_kind = 'alive_at_end' ORDER BY address",
            r => Told(r.GetInt64(0), r.GetInt64(1))));
        // A page was given back to a file, and one of the break.
        Assert.Equal([(64L + 2 + 1 + 1) << 12, 4L << 12], query.Rows(
            "SELECT sum(size)::BIGINT FROM regions WHERE end_kind IN ('unmapped', 'remapped') AND alloc_thread = 0 GROUP BY end_kind ORDER BY 1 DESC",
            r => r.GetInt64(0)));
        Assert.Equal(0, query.Rows("SELECT count(*) FROM allocations WHERE kind IN ('mmap', 'brk', 'mremap')", r => r.GetInt64(0)).Single());
        Assert.Equal(0, query.Rows("SELECT count(*) FROM regions WHERE alloc_stack = 0 OR site = 0", r => r.GetInt64(0)).Single());
        // Frames of the recorder are left out.
        Assert.Equal(["main", "map"], query.Rows(
            "SELECT DISTINCT s.function FROM regions r JOIN sites s USING (host, process, site) ORDER BY 1", r => r.GetString(0)));
    }

    [Fact]
    public void Blocks_are_the_same_with_it_and_nothing_is_recorded_of_it_unless_asked()
    {
        Record([], threads: false);
        using TraceReader without = TraceReader.Open(Recording);
        Assert.False(without.Process.Regions);
        TraceStatistics plain = TraceStatistics.Of(without);
        Assert.Equal(0, plain.Regions.Events);
        without.Dispose();
        Record(["--mmap", "--force"], threads: false);
        using TraceReader with = TraceReader.Open(Recording);
        TraceStatistics mapped = TraceStatistics.Of(with);
        Assert.Equal((plain.Calls, plain.BytesAcquired, plain.LiveBytes), (mapped.Calls, mapped.BytesAcquired, mapped.LiveBytes));
        Assert.InRange(mapped.Regions.Events, 10, 40);
        Assert.Contains(Lines("info", Recording), l => l.StartsWith("mapped at end", StringComparison.Ordinal));
    }

    [Fact]
    public void A_replay_leaves_it_out_and_says_so()
    {
        Record(["--mmap"], threads: false);
        ProgramResult replay = Programs.AllocReplay("replay", Recording, "--record", _directory["again.alloctrace"]);
        Assert.Equal(0, replay.ExitCode);
        Assert.Matches(@"\d+ events of mmap, munmap, mremap and brk: left out", replay.Error);
        ProgramResult verify = Programs.AllocReplay("verify", Recording, _directory["again.alloctrace"]);
        Assert.Equal(0, verify.ExitCode);
    }

    [Fact]
    public void It_does_not_go_with_what_lets_go_of_events()
    {
        ProgramResult result = Programs.AllocReplay("record", "--mmap", "--keep", "2M", "-o", Recording, "--", "true");
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("--mmap does not go with --keep", result.Error, StringComparison.Ordinal);
    }

    private static string[] Lines(params string[] arguments) => Programs.AllocReplay(arguments).Output.Split('\n');

    private string[] Record(string[] options, bool threads)
    {
        ProgramResult result = Programs.AllocReplay(
            ["record", "-q", .. options, "-o", Recording, "--", Targets.Build("regions.c", "-g"), .. threads ? ["threads"] : Array.Empty<string>()]);
        Assert.True(result.ExitCode == ExitCode.Ok, result.Error);
        return result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private static string Told(MappedRegion region) => Told((long)region.Address, (long)region.Size);

    private static string Told(long address, long size) => string.Create(CultureInfo.InvariantCulture, $"{address:x} {size:x}");
}
