using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Packed;
using AllocReplay.Recorder;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>Where calls were made: the frames of each are exactly those that the program had, whatever it is written in and however it was built.</summary>
[StartsProcesses]
public sealed class CallPathTests : IDisposable
{
    private const string OfMain = "main < C";

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    private string Recording => _directory["r.allocrec"];

    [Theory]
    [InlineData("-O2")]
    [InlineData("-O2", "-fomit-frame-pointer")]
    [InlineData("-O2", "-fno-omit-frame-pointer")]
    [InlineData("-O2", "-flto")]
    [InlineData("-O2", "-no-pie", "-Wl,-z,max-page-size=0x200000")] // the segments of an executable lie apart
    public void In_C_a_stack_has_the_functions_that_called_one_another(params string[] flags)
    {
        RecordC(new RecordOptions { Command = [], Output = Recording, Stacks = StackWalk.FrameInformation }, flags);
        using TraceReader reader = TraceReader.Open(Recording);
        Dictionary<ulong, string> paths = CallPaths.Of(reader);

        Assert.Equal("take < direct < " + OfMain, paths[10001]);
        Assert.Equal("take < direct < by_pointer < " + OfMain, paths[10002]);
        Assert.Equal("take < inlines < " + OfMain, paths[10003]);
        Assert.Equal("take < deep < deep < deep < deep < " + OfMain, paths[10004]);
        Assert.Equal("take < aligned < " + OfMain, paths[10005]);
        Assert.Equal("take < without_information < " + OfMain, paths[10006]);
        Assert.Equal("take < on_signal < C < " + OfMain, paths[10007]);
        Assert.Equal("take < direct < on_thread < C", paths[10008]);
        Assert.Equal("take < direct < in_coroutine < C", paths[10009]);
        // Opened and closed in turn, at one address: each is resolved against what was there then.
        Assert.Equal("take < in_plugin_first < in_plugin_of < in_plugin < " + OfMain, paths[10010]);
        Assert.Equal("take < in_plugin_second < in_plugin_of < in_plugin < " + OfMain, paths[10011]);
        Assert.Equal(paths[10010], paths[10012]);
        Assert.Equal(paths[10011], paths[10013]);
        Assert.Equal($"take{string.Concat(Enumerable.Repeat(" < deep", 63))} …", paths[10020]);
        Assert.Equal("take < direct < " + OfMain, paths[10021]);
        Assert.Equal("take < lands < " + OfMain, paths[10022]);
        Assert.Equal("take < without_anything …", paths[10023]);
        Assert.Equal("take < skip < C < interrupted < " + OfMain, paths[10024]);
        Assert.Equal("take < direct < on_thread < C", paths[10025]);
        Assert.Equal("take < in_plugin_third < in_plugin_of < in_plugin < " + OfMain, paths[10030]); // a stripped one
        Assert.Null(reader.Damage);
        Assert.Equal(0UL, reader.Process.LostEvents);
    }

    /// <summary>The C library has no frame pointers: there it is walked by frame information.</summary>
    [Fact]
    public void By_frame_pointers_a_program_that_has_them_is_walked()
    {
        RecordC(new RecordOptions { Command = [], Output = Recording, Stacks = StackWalk.FramePointers }, "-O2", "-fno-omit-frame-pointer");
        using TraceReader reader = TraceReader.Open(Recording);
        Dictionary<ulong, string> paths = CallPaths.Of(reader);

        Assert.Equal("take < direct < main < C", paths[10001]);
        Assert.StartsWith("take < direct < by_pointer < main < C", paths[10002], StringComparison.Ordinal);
        Assert.StartsWith("take < inlines < main < C", paths[10003], StringComparison.Ordinal);
        Assert.StartsWith("take < deep < deep < deep < deep < main < C", paths[10004], StringComparison.Ordinal);
        Assert.StartsWith("take < aligned < main < C", paths[10005], StringComparison.Ordinal);
        Assert.StartsWith("take < without_information < main < C", paths[10006], StringComparison.Ordinal);
        // A handler's frame, and what it interrupted, are found by frame information in any case.
        Assert.StartsWith("take < on_signal < C", paths[10007], StringComparison.Ordinal);
        Assert.Equal("take < skip < C < interrupted < main < C", paths[10024]);
        Assert.Equal("take < direct < on_thread < C", paths[10008]);
        Assert.Equal("take < direct < in_coroutine < C", paths[10009]);
        Assert.StartsWith("take < in_plugin_second < in_plugin_of < in_plugin < main < C", paths[10011], StringComparison.Ordinal);
        Assert.StartsWith("take < lands < main < C", paths[10022], StringComparison.Ordinal);
        Assert.Equal("take < without_anything …", paths[10023]);
    }

    /// <summary>Where operator new is the C++ library's, it is what calls the allocator; an allocator's own is the allocator, and no frame.</summary>
    [Theory]
    [InlineData(null)]
    [InlineData("libjemalloc.so.2")]
    [InlineData("libmimalloc.so.2")]
    [InlineData("libtcmalloc.so.4")]
    [InlineData(null, "latency", "sample", "free")]
    [InlineData("libjemalloc.so.2", "latency", "sample", "free")]
    [InlineData("libtcmalloc.so.4", "mallochook")]
    [InlineData("libtcmalloc.so.4", "mallochook", "latency", "sample", "free")]
    public void In_Cpp_a_stack_has_the_functions_that_called_one_another(string? allocator, params string[] options)
    {
        Programs.Need("addr2line");
        bool isTold = options.Contains("mallochook");
        string[] libraries = [];
        if (allocator is not null)
        {
            string? library = Libraries.Find(allocator);
            Assert.SkipUnless(library is not null, $"{allocator} is not installed");
            libraries = ["-Wl,--no-as-needed", library];
        }
        RecordResult result = RecordedCommand.Run(new RecordOptions
        {
            Command = [Targets.Build("call_paths.cpp", ["-O2", "-std=c++17", .. libraries]), .. options.Contains("sample") ? ["keep"] : Array.Empty<string>()],
            Output = Recording,
            Stacks = StackWalk.FrameInformation,
            Latency = options.Contains("latency"),
            FreeStacks = options.Contains("free"),
            Sample = options.Contains("sample") ? new Sampling(SampleScheme.Blocks, 2) : Sampling.None,
            Via = isTold ? RecordVia.MallocHook : RecordVia.Preload,
        });
        Assert.Equal((0, 0), (result.ExitCode, result.Failures.Count));
        using TraceReader reader = TraceReader.Open(Recording);
        Dictionary<ulong, string> paths = CallPaths.Of(reader);

        Assert.Equal(allocator is not null && !isTold, reader.Process.RecordsOperatorNew);
        string library_new = allocator is null ? "C < " : "";
        var expected = new Dictionary<ulong, string>
        {
            [10030] = library_new + "by_new",
            [10031] = library_new + "by_new_array",
            [10032] = library_new + "by_new_nothrow",
            // The C++ library's own asks for a multiple of the alignment; MallocHook tells what the allocator made of it.
            [allocator is null || isTold ? 10048u : 10033u] = library_new + "by_new_aligned",
            [10034] = library_new + "by_make_unique",
            [10035] = library_new + "by_vector",
            [10036] = "take < by_function",
            [10037] = "take < Box<7>::fill",
            [10038] = "take < Circle::draw < by_virtual",
            [10040] = "C < throws < cleans_up < catches",
            [10041] = "take < Cleanup::~Cleanup < cleans_up < catches",
            [10042] = "take < catches",
            [10043] = "take < catches",
            // A frame of the recorder's operator lies between the allocator's and the program's, and is left out.
            [10060] = "take < without_memory < C < asks_too_much",
        };
        foreach ((ulong size, string path) in expected.Where(p => IsWanted(p.Key)))
            Assert.Equal((size, $"{path} < {OfMain}"), (size, paths[size]));
        if (IsWanted(10050))
            Assert.Equal("take < on_thread < C", paths[10050]);
        Assert.InRange(paths.Count, 1, expected.Count + 1);

        // mimalloc calls no new-handler for what can never be had. Of a sample, some are not there.
        bool IsWanted(ulong size) => paths.ContainsKey(size) || (!options.Contains("sample") && !(size == 10060 && allocator is "libmimalloc.so.2"));
    }

    [Fact]
    public void In_Rust_a_stack_has_the_functions_that_called_one_another()
    {
        Programs.Need("addr2line");
        RecordResult result = RecordedCommand.Run(new RecordOptions
        {
            Command = [Targets.BuildRust("call_paths.rs")],
            Output = Recording,
            Stacks = StackWalk.FrameInformation,
        });
        Assert.Equal((0, 0), (result.ExitCode, result.Failures.Count));
        using TraceReader reader = TraceReader.Open(Recording);
        Dictionary<ulong, string> paths = CallPaths.Of(reader);

        // Main is called by the runtime, which the C library's main calls.
        const string ofMain = "run < call_paths::main < C < " + OfMain;
        Assert.Equal("take < direct < " + ofMain, paths[10070]);
        Assert.Equal("take < by_trait < " + ofMain, paths[10071]);
        Assert.Equal("boxes < " + ofMain, paths[10072]);
        Assert.Equal("take < on_thread < C", paths[10074]);
        Assert.Equal("take < direct < panics < " + ofMain, paths[10075]);
        Assert.Equal("take < direct < " + ofMain, paths[10076]);
    }

    /// <summary>A packed trace has the same stacks, and a part of it too.</summary>
    [Fact]
    public void Stacks_are_packed_with_the_events()
    {
        RecordC(new RecordOptions { Command = [], Output = Recording, Stacks = StackWalk.FrameInformation, FreeStacks = true }, "-O2");
        TracePacker.Pack(Recording, _directory["r.alloctrace"], cancellation: TestContext.Current.CancellationToken);
        using TraceReader reader = TraceReader.Open(Recording), packed = TraceReader.Open(_directory["r.alloctrace"]);
        int stacks = 0;
        while (reader.Read(out TraceEvent e))
        {
            Assert.True(packed.Read(out TraceEvent same));
            Assert.Equal(e, same);
            Assert.Equal(reader.Frames.Of(e.Stack, out bool isWhole), packed.Frames.Of(same.Stack, out bool isSameWhole));
            Assert.Equal(isWhole, isSameWhole);
            stacks += e.Stack > 0 && CallKinds.IsDeallocation(e.Kind) ? 1 : 0;
        }
        Assert.InRange(stacks, 14, 10_000);
    }

    private static void RecordC(RecordOptions options, params string[] flags)
    {
        Programs.Need("addr2line");
        string Plugin(string name, int padding, params string[] more) => Targets.Build(
            "call_paths_plugin.c", ["-shared", "-fPIC", "-O2", $"-DPLUGIN={name}", $"-DPADDING=\"{padding}\"", .. flags.Where(f => f != "-no-pie"), .. more]);
        RecordResult result = RecordedCommand.Run(options with
        {
            Command = [Targets.Build("call_paths.c", flags), Plugin("first", 64), Plugin("second", 640), Plugin("third", 64, "-s")],
        });
        Assert.Equal((0, 0), (result.ExitCode, result.Failures.Count));
    }
}
