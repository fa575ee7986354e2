using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Statistics;
using AllocReplay.Recorder;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>Whose a call is, where it is the program's, the C library's or an allocator's; and which function a library gets that is opened late.</summary>
[StartsProcesses]
public sealed class InterposeTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private string Recording => _directory["test.allocrec"];

    /// <summary>The C library's malloc, and those that have operators of their own.</summary>
    public static TheoryData<string> Allocators => ["", "libjemalloc.so.2", "libmimalloc.so.2", "libtcmalloc_minimal.so.4", "libtcmalloc.so.4"];

    /// <summary>The functions that wait for a thread.</summary>
    public static TheoryData<string, string> Waits
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (string wait in new[] { "join", "timedjoin", "clockjoin", "thrd_join" })
                foreach (string allocator in new[] { "", "libjemalloc.so.2", "libmimalloc.so.2", "libtcmalloc_minimal.so.4" })
                    data.Add(wait, allocator);
            return data;
        }
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void The_first_malloc_may_be_made_under_a_lock_of_the_C_library()
    {
        string[] record = [Programs.AllocReplayCommand, "record", "-q", "-o", Recording, "--", Targets.Build("early_locale.c")];
        ProgramResult result = Programs.Run("timeout", ["60", .. record]);
        Assert.Equal((0, "free\n", ""), (result.ExitCode, result.Output, result.Error));
    }

    [Theory]
    [MemberData(nameof(Waits))]
    public void What_a_thread_does_in_a_wait_for_another_is_recorded(string wait, string allocator)
    {
        Record(Program("waiting.c", allocator), wait);
        AssertWaitIsRecorded(Recording);
    }

    [Fact]
    public void What_a_thread_does_in_a_wait_is_told_by_MallocHook()
    {
        string carrier = PathOf("libtcmalloc.so.4");
        var options = new RecordOptions { Command = [Targets.Build("waiting.c", carrier), "join"], Output = Recording, Via = RecordVia.MallocHook };
        Assert.Equal(0, RecordedCommand.Run(options).ExitCode);
        AssertWaitIsRecorded(Recording);
    }

    [Theory]
    [MemberData(nameof(Allocators))]
    public void What_the_C_library_frees_of_other_threads_at_a_thread_s_end_is_not_the_program_s(string allocator)
    {
        Record(Program("detached.c", allocator));
        Assert.Equal(128, Blocks().Count(b => b is { Size: 851, IsFreed: true }));
    }

    [Fact]
    public void What_the_C_library_frees_of_other_threads_at_a_thread_s_end_is_not_told_by_MallocHook()
    {
        string program = Targets.Build("detached.c", PathOf("libtcmalloc.so.4"));
        Assert.Equal(0, RecordedCommand.Run(new RecordOptions { Command = [program], Output = Recording, Via = RecordVia.MallocHook }).ExitCode);
        Assert.Equal(128, Blocks().Count(b => b is { Size: 851, IsFreed: true }));
    }

    [Theory]
    [MemberData(nameof(Allocators))]
    public void Storage_of_threads_that_the_C_library_frees_later_is_seen_to_its_end(string allocator)
    {
        Record(Program("open_libraries.c", allocator), Library("library_storage.c", "-ftls-model=global-dynamic"));

        List<Block> storage = Blocks().Where(b => b.Size is >= 831 and < 1000).ToList();
        Assert.Equal(120, storage.Count);
        Assert.True(storage.Count(b => b.IsFreed) >= 60, $"{storage.Count(b => b.IsFreed)} freed");
    }

    /// <summary>The library's constructor waits for a thread, with the loader's lock held: that thread's calls must ask the loader nothing.</summary>
    [Theory]
    [MemberData(nameof(Allocators))]
    public void A_library_may_start_a_thread_while_it_is_initialised(string allocator)
    {
        Record(Program("open_libraries.c", allocator), Library("library_starts_thread.cpp"));

        List<Block> blocks = Blocks();
        Assert.Single(blocks, b => b is { Size: 811, IsFreed: true });
        Assert.Single(blocks, b => b is { Size: 800, IsFreed: true, Thread: 1 });
        Assert.Single(blocks, b => b is { Size: 812, IsFreed: true });
    }

    [Theory]
    [MemberData(nameof(Allocators))]
    public void Each_library_has_its_own_operators(string allocator)
    {
        string a = Library("library_operators.cpp", "-DTAG=1"), b = Library("library_operators.cpp", "-DTAG=2");
        // All are closed, and what was found for them must not be kept for those that come to lie where they lay.
        Record(Program("open_libraries.c", allocator), a, b, "close", b, a);

        // An allocator's operators come first in the program, and the libraries' own are not used.
        Assert.Equal(allocator.Length == 0 ? 4 : 0, Blocks().Count(block => block is { Size: 861, IsFreed: true }));
    }

    /// <summary>What the runtime does for a library it does by that library's operators.</summary>
    [Theory]
    [MemberData(nameof(Allocators))]
    public void A_library_s_operators_serve_the_runtime_that_it_brings_along(string allocator)
    {
        Record(Program("open_libraries.c", allocator), Library("library_operators.cpp", "-DTAG=1", "-DSTRING"));

        List<Block> grown = Blocks().FindAll(block => block.Size is > 5000 and < 60000);
        Assert.True(grown.Count >= 4, $"{grown.Count}");
        Assert.All(grown, block => Assert.True(block.IsFreed));
    }

    /// <summary>The program's own operators, as they were bound at its start, serve its libraries too.</summary>
    [Fact]
    public void A_program_s_runtime_serves_the_libraries_that_it_opens()
    {
        Record(Program("open_libraries.c", "", "-Wl,--no-as-needed", "-lstdc++"),
            Library("library_starts_thread.cpp"), Library("library_operators.cpp", "-DTAG=1"));
        Assert.Single(Blocks(), b => b is { Size: 812, IsFreed: true });
    }

    [Theory]
    [InlineData("")]
    [InlineData("libjemalloc.so.2")]
    public void A_library_that_is_bound_to_its_own_dependencies_is_recorded(string allocator)
    {
        // With another allocator, such a library has the C library's malloc, unless it depends on the allocator itself.
        string[] depends = allocator.Length == 0 ? [] : ["-Wl,--no-as-needed", PathOf(allocator)];
        Record(Program("open_libraries.c", allocator), "deep", Library("library_calls.c", depends));

        List<Block> blocks = Blocks();
        Assert.Equal((20, 20), (blocks.Count(b => b is { Size: 821, IsFreed: true }), blocks.Count(b => b.Size == 822)));
        Assert.Equal(10, blocks.Count(b => b is { Size: 822, IsFreed: true }));
        Assert.Single(blocks, b => b is { Size: 823, IsFreed: true });
        Assert.Single(blocks, b => b is { Size: 824, IsFreed: true });
        using TraceReader reader = TraceReader.Open(Recording);
        Assert.Equal([-1, 0], TraceStatistics.Of(reader).Threads.Select(t => t.Parent));
    }

    [Theory]
    [MemberData(nameof(Allocators))]
    public void A_new_handler_runs_as_often_as_without_the_recorder_and_its_calls_are_recorded(string allocator)
    {
        Assert.SkipWhen(allocator == "libmimalloc.so.2", "mimalloc ends a program whose handler throws");
        string program = Program("new_handler.cpp", allocator);
        ProgramResult alone = Programs.Run(program, []), recorded = Programs.AllocReplay("record", "-q", "-o", Recording, "--", program);

        Assert.Equal((0, alone.Output, ""), (recorded.ExitCode, recorded.Output, recorded.Error));
        List<Block> blocks = Blocks();
        Assert.Equal(4, blocks.Count(b => b is { Size: 841, IsFreed: true }));
        Assert.Equal(4, blocks.Count(b => b is { Size: 842, IsFreed: false }));
        Assert.Equal(10, blocks.Count(b => b is { Size: 843, IsFreed: true }));
    }

    [Fact]
    public void Threads_go_under_the_names_that_they_were_given()
    {
        Record(Program("thread_names.c", ""));

        using TraceReader reader = TraceReader.Open(Recording);
        Assert.Equal(["last", "itself", "by-the-kernel", "by-its-creator", "later"], reader.Threads.Select(t => t.Name));
    }

    /// <summary>Functions that no other library has: their callers are led to us.</summary>
    [Fact]
    public void Calls_of_a_library_s_own_functions_of_allocation_are_recorded()
    {
        Record(Program("own_functions.c", "libjemalloc.so.2"));
        Assert.Equal([(100UL, true), (10_000UL, true)], Blocks().Where(b => b.Size is 100 or 10_000).Select(b => (b.Size, b.IsFreed)));
    }

    /// <summary>Ten blocks of a handler, half of them freed, and what a cancelled thread freed; of the C library's own, nothing.</summary>
    private static void AssertWaitIsRecorded(string recording)
    {
        List<Block> blocks = Blocks(recording);
        Assert.Equal((5, 5), (blocks.Count(b => b is { Size: 701, IsFreed: true }), blocks.Count(b => b is { Size: 701, IsFreed: false })));
        Assert.Equal(3, blocks.Count(b => b is { Size: 702, IsFreed: true }));
        Assert.Single(blocks, b => b is { Size: 703, IsFreed: true });
    }

    private List<Block> Blocks() => Blocks(Recording);

    /// <summary>All blocks. Each end that is in the trace belongs to one, and no block ends without.</summary>
    private static List<Block> Blocks(string recording)
    {
        using TraceReader reader = TraceReader.Open(recording);
        var blocks = new Dictionary<long, Block>();
        while (reader.Read(out TraceEvent e))
        {
            if (e.IsNull)
                continue;
            if (CallKinds.IsAcquisition(e.Kind))
                blocks[e.Object] = new Block(e.Size, e.Thread, false);
            else if ((CallKinds.IsDeallocation(e.Kind) || CallKinds.IsReallocBegin(e.Kind)) && blocks.TryGetValue(e.Object, out Block? block))
                blocks[e.Object] = block with { IsFreed = true };
        }
        Assert.Null(reader.Damage);
        Assert.Equal(0UL, reader.Process.LostEvents);
        Assert.Equal((0L, 0L), (reader.Merge.UnknownReleases, reader.Merge.ImplicitReleases));
        return [.. blocks.Values];
    }

    private void Record(string program, params string[] arguments)
    {
        ProgramResult result = Programs.AllocReplay(["record", "-q", "-o", Recording, "--", program, .. arguments]);
        Assert.Equal((0, "", ""), (result.ExitCode, result.Output, result.Error));
    }

    private static string Program(string source, string allocator, params string[] flags) =>
        Targets.Build(source, [.. flags, "-ldl", .. allocator.Length == 0 ? Array.Empty<string>() : ["-Wl,--no-as-needed", PathOf(allocator)]]);

    private static string Library(string source, params string[] flags) => Targets.Build(source, ["-shared", "-fPIC", .. flags]);

    private static string PathOf(string library)
    {
        string? path = Libraries.Find(library);
        Assert.SkipWhen(path is null, $"{library} is not installed");
        return path;
    }

    private sealed record Block(ulong Size, int Thread, bool IsFreed);
}
