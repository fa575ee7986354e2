using AllocReplay.Formats.Calls;
using AllocReplay.Replayer;
using AllocReplay.Replayer.Allocators;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Replayer;

/// <summary>Real replays whose blocks are checked: real allocators are found right, and planted ones wrong in what they do wrong.</summary>
[StartsProcesses]
public sealed class BlockCheckTests : IDisposable
{
    private const int Seed = 20261126;

    private readonly TemporaryDirectory _directory = new();
    private readonly RecordingWriter _writer;

    public BlockCheckTests() => _writer = new RecordingWriter(_directory.Path);

    public static TheoryData<string> Allocators => [.. AllocatorCatalog.Names];

    public void Dispose() => _directory.Dispose();

    [Theory, MemberData(nameof(Allocators))]
    public void Real_allocators_have_no_faults_in_any_order(string allocator)
    {
        TraceGenerator.Write(_directory.Path, Seed, threads: 9, calls: 30_000);
        foreach (ReplayOrder order in Enum.GetValues<ReplayOrder>())
        {
            using ReplayPlan plan = PlanFile.Compile(_directory.Path, order);
            WorkerResult result = Check(plan, ReplayTests.Installed(allocator), loops: 2);
            if (allocator != "mimalloc" || !IsKnown(result.Faults))
                AssertNone(result);
        }
    }

    [Theory, MemberData(nameof(Allocators))]
    public void Large_blocks_are_checked_in_part_wherever_they_go(string allocator)
    {
        ulong[] sizes = [65536, 65537, 65544, 100_000, 1 << 20, 3_000_001, 8, 70_000, 4096, 69_632, 1];
        _writer.Thread(0).Malloc(100, 0x1000, sizes[^1]);
        for (int i = 0; i < 20 * sizes.Length; i++)
        {
            int ns = 1000 * (i + 1);
            _writer.Thread(i % 3).Realloc(ns, ns + 100, 0x1000, 0x1000, sizes[i % sizes.Length])
                .Event(ns + 200, CallKind.Calloc, 0x2000, sizes[i % sizes.Length], count: 3);
            _writer.Thread((i + 1) % 3).Free(ns + 300, 0x2000);
        }
        _writer.Save();
        using ReplayPlan plan = PlanFile.Compile(_directory.Path);
        AssertNone(Check(plan, ReplayTests.Installed(allocator)));
    }

    [Theory]
    [InlineData("overlap", BlockFaultKind.Overlap)]
    [InlineData("misalign", BlockFaultKind.Misaligned)]
    [InlineData("dirty", BlockFaultKind.DirtyCalloc)]
    [InlineData("nocopy", BlockFaultKind.ReallocLostData)]
    [InlineData("fail", BlockFaultKind.Failed)]
    [InlineData("nothing", null)]
    public void A_planted_fault_is_named_in_any_order(string planted, BlockFaultKind? expected)
    {
        TraceGenerator.Write(_directory.Path, Seed, threads: 5, calls: 20_000);
        foreach (ReplayOrder order in Enum.GetValues<ReplayOrder>())
        {
            using ReplayPlan plan = PlanFile.Compile(_directory.Path, order);
            IReadOnlyList<WorkerFault> faults = Check(plan, Planted(planted)).Faults;
            Assert.Equal(expected is { } kind ? [kind] : [], faults.Select(f => f.Kind));
            Assert.All(faults, f => Assert.True(f.Count > 1));
        }
    }

    /// <summary>Each third block lies in an arena, at 16 × (number mod 7): the 3rd at 48, the 6th at 96, the 9th at 32.</summary>
    [Fact]
    public void A_block_in_a_live_one_is_found_at_once()
    {
        WriteMallocs(6);
        _writer.Save();

        WorkerFault fault = Assert.Single(CheckInOrder(Planted("overlap")).Faults);

        WorkerCall sixth = new(1, 5, CallKind.Malloc);
        // Once more in the end, when the third has the bytes of the sixth.
        Assert.Equal((BlockFaultKind.Overlap, 2L), (fault.Kind, fault.Count));
        Assert.Equal((sixth, sixth, new WorkerCall(1, 2, CallKind.Malloc)), (fault.FoundBy, fault.Block, fault.Other));
        Assert.Equal((201ul, 0ul), (fault.Size, fault.Offset));
    }

    [Fact]
    public void A_block_that_another_has_written_into_is_found_when_it_is_released_on_whatever_thread()
    {
        WriteMallocs(9, freed: 2);
        _writer.Thread(2).Free(10_000, AddressOf(5));
        _writer.Save();

        WorkerFault fault = Assert.Single(CheckInOrder(Planted("overlap")).Faults);

        Assert.Equal((BlockFaultKind.Overlap, 1L), (fault.Kind, fault.Count));
        Assert.Equal(new WorkerCall(2, 0, CallKind.Free), fault.FoundBy);
        // One release comes before them.
        Assert.Equal((new WorkerCall(1, 6, CallKind.Malloc), new WorkerCall(1, 9, CallKind.Malloc)), (fault.Block, fault.Other));
    }

    [Fact]
    public void What_was_found_is_told_of_one_that_crashes_then()
    {
        WriteMallocs(12);
        _writer.Save();

        var e = Assert.Throws<ReplayException>(() => CheckInOrder(Planted("overlap") with { Environment = ["PLANTED=overlap", "PLANTED_CRASH=9"] }));

        Assert.Equal(new RunFailure(FailureKind.Crashed, 11), e.Run);
        Assert.Contains("SIGSEGV", e.Message, StringComparison.Ordinal);
        Assert.Contains("with wrong blocks found (1 overlapping)", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_byte_that_changes_is_found_when_the_block_is_released_or_in_the_end(bool releases)
    {
        WriteMallocs(6);
        for (int i = 0; releases && i < 6; i++)
            _writer.Thread(1).Free(10_000 + i * 16, AddressOf(i));
        _writer.Save();

        WorkerFault fault = Assert.Single(CheckInOrder(Planted("corrupt")).Faults);

        // The fourth call is the third with one before it.
        Assert.Equal((BlockFaultKind.Corrupted, 1, 40ul), (fault.Kind, fault.Count, fault.Offset));
        Assert.Equal(new WorkerCall(1, 2, CallKind.Malloc), fault.Block);
        Assert.Equal(releases ? new WorkerCall(1, 8, CallKind.Free) : null, fault.FoundBy);
    }

    /// <summary>tests/targets/planted_allocator.c with a fault.</summary>
    internal static Configuration Planted(string fault) => Configuration.Parse(PlantedName(fault))[0];

    /// <summary>As an option names it.</summary>
    internal static string PlantedName(string fault) => $"planted={Targets.Build("planted_allocator.c", "-shared", "-fPIC")},PLANTED={fault}";

    /// <summary>On a thread that makes no calls but these: on the first, the runtime's may count.</summary>
    private void WriteMallocs(int count, int freed = -1)
    {
        _writer.Thread(0).Malloc(50, AddressOf(100), 16);
        for (int i = 0; i < count; i++)
        {
            _writer.Thread(1).Malloc(100 + i * 160, AddressOf(i), 201);
            if (i == freed)
                _writer.Thread(1).Free(180 + i * 160, AddressOf(i));
        }
    }

    private static ulong AddressOf(int block) => 0x1000 + (ulong)block * 0x1000;

    private WorkerResult CheckInOrder(Configuration configuration)
    {
        using ReplayPlan plan = PlanFile.Compile(_directory.Path, ReplayOrder.Total);
        return Check(plan, configuration);
    }

    private static WorkerResult Check(ReplayPlan plan, Configuration configuration, int loops = 1) =>
        WorkerRunner.Instance.Run(plan, configuration, new ReplayOptions { Instrument = Instrument.Blocks, Loops = loops });

    /// <summary>
    /// mimalloc 2.0.9, of Debian 12, takes a block of a power of two up to 1,024 bytes from those of its size, which are not aligned to it: mended in 2.1.
    /// </summary>
    private static bool IsKnown(IReadOnlyList<WorkerFault> faults) =>
        faults is [{ Kind: BlockFaultKind.Misaligned, Alignment: >= 256, Size: 256 or 512 or 1024 }];

    private static void AssertNone(WorkerResult result) => Assert.True(result.Faults.Count == 0, $"seed {Seed}: {string.Join('\n', result.Faults)}");
}
