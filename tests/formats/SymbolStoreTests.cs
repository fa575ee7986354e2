using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Packed;
using AllocReplay.Formats.Stacks;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Formats;

/// <summary>Symbols go into a trace and come out of it, and nothing else in it changes.</summary>
public sealed class SymbolStoreTests : IDisposable
{
    private static readonly SymbolTable Symbols = new(new Dictionary<CodeLocation, IReadOnlyList<FunctionLine>>
    {
        [new(0, 0x10)] = [new("inlined()", "_Z7inlinedv", "a.h", 3), new("f(int)", "_Z1fi", "/src/a.cc", 7)],
        [new(-1, 0x7fff_0000_1234)] = [new("LazyCompile:*f \"<b>&\n\u202e\0", "", "", 0)],
        [new(1, ulong.MaxValue)] = [new(new string('x', 1 << 20), "", "", int.MaxValue)],
    });

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    private string Recording => _directory["r"];

    private string Pack => _directory["r.alloctrace"];

    [Fact]
    public void A_recording_takes_symbols()
    {
        Record();
        Store(Recording, Symbols);
        AssertSame(Symbols, SymbolsOf(Recording));
        string file = Path.Combine(Recording, RecordingWriter.ImageName, "symbols.msgpack");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Store(Recording, SymbolTable.Empty);
        Assert.Equal(0, SymbolsOf(Recording).Count);
    }

    [Fact]
    public void A_packed_trace_takes_symbols_and_keeps_all_else()
    {
        Record();
        TracePacker.Pack(Recording, Pack, cancellation: TestContext.Current.CancellationToken);
        byte[] before = File.ReadAllBytes(Pack);
        List<TraceEvent> events = EventsOf(Pack);
        Store(Pack, Symbols);
        AssertSame(Symbols, SymbolsOf(Pack));
        Assert.Equal(events, EventsOf(Pack));
        Store(Pack, Symbols); // in the place of the others
        Assert.Single(PackFrames.Of(File.ReadAllBytes(Pack)).Frames, f => f.Header.Kind == FrameKind.Symbols);
        // All frames of the first are there, byte by byte, in their order.
        Assert.Equal(PackFrames.Of(before).Frames.Where(f => f.Header.Kind != FrameKind.Index).Select(f => f.Payload),
            PackFrames.Of(File.ReadAllBytes(Pack)).Frames.Where(f => f.Header.Kind is not (FrameKind.Index or FrameKind.Symbols)).Select(f => f.Payload));
    }

    [Fact]
    public void Packing_keeps_the_symbols_of_a_recording()
    {
        Record();
        Store(Recording, Symbols);
        TracePacker.Pack(Recording, Pack, cancellation: TestContext.Current.CancellationToken);
        AssertSame(Symbols, SymbolsOf(Pack));
    }

    /// <summary>A frame of a kind that is not known yet is a newer writer's: it stays.</summary>
    [Fact]
    public void Frames_of_unknown_kinds_are_kept()
    {
        Record();
        TracePacker.Pack(Recording, Pack, cancellation: TestContext.Current.CancellationToken);
        PackFrames frames = PackFrames.Of(File.ReadAllBytes(Pack));
        frames.Metadata((FrameKind)900, 1, 2, 3);
        File.WriteAllBytes(Pack, frames.Build());
        Store(Pack, Symbols);
        Assert.Contains(PackFrames.Of(File.ReadAllBytes(Pack)).Frames, f => f.Header.Kind == (FrameKind)900 && f.Payload is [1, 2, 3]);
        AssertSame(Symbols, SymbolsOf(Pack));
    }

    [Fact]
    public void A_damaged_pack_is_left_as_it_is()
    {
        Record();
        TracePacker.Pack(Recording, Pack, cancellation: TestContext.Current.CancellationToken);
        byte[] cut = File.ReadAllBytes(Pack)[..^40];
        File.WriteAllBytes(Pack, cut);
        Assert.Throws<TraceDamagedException>(() => Store(Pack, Symbols));
        Assert.Equal(cut, File.ReadAllBytes(Pack));
        Assert.Single(Directory.GetFiles(_directory.Path));
    }

    [Theory]
    [InlineData("")]
    [InlineData("c0")] // nil
    [InlineData("82a5746578747391a0a96c6f636174696f6e739193000a9400000000")] // a line of a text that there is: the control
    [InlineData("82a5746578747391a0a96c6f636174696f6e739193000a9401000000")] // a text that there is not
    [InlineData("82a5746578747391a0a96c6f636174696f6e739193000a94000000ff")] // line -1
    [InlineData("82a5746578747391a0a96c6f636174696f6e739193000a90")] // a location without functions
    [InlineData("82a5746578747391a0a96c6f636174696f6e739193000a93000000")] // half a function
    [InlineData("82a5746578747391c0a96c6f636174696f6e7390")] // no text
    [InlineData("82a57465787473c0a96c6f636174696f6e7390")]
    [InlineData("82a5746578747390a96c6f636174696f6e7391c0")]
    public void Symbols_that_make_no_sense_are_refused(string hex)
    {
        Record();
        File.WriteAllBytes(Path.Combine(Recording, RecordingWriter.ImageName, "symbols.msgpack"), Convert.FromHexString(hex));
        if (hex.EndsWith("9400000000", StringComparison.Ordinal))
            Assert.Equal(1, SymbolsOf(Recording).Count);
        else
            Assert.Contains("expected symbols", Assert.Throws<TraceFormatException>(() => SymbolsOf(Recording)).Message, StringComparison.Ordinal);
        // What is said of the events does not depend on it.
        Assert.Equal(3, EventsOf(Recording).Count);
        Directory.Delete(Recording, recursive: true);
    }

    private void Record()
    {
        var writer = new RecordingWriter(Recording);
        writer.Thread(0).Event(0, CallKind.ThreadStart).Malloc(10, 0x1000, 32).Free(20, 0x1000);
        writer.Save();
    }

    private static void Store(string trace, SymbolTable symbols)
    {
        using Trace opened = Trace.Open(trace);
        SymbolStore.Write(opened, new Dictionary<string, SymbolTable> { [RecordingWriter.ImageName] = symbols });
    }

    private static SymbolTable SymbolsOf(string trace)
    {
        using TraceReader reader = TraceReader.Open(trace);
        return reader.Symbols;
    }

    private static List<TraceEvent> EventsOf(string trace)
    {
        using TraceReader reader = TraceReader.Open(trace);
        var events = new List<TraceEvent>();
        while (reader.Read(out TraceEvent e))
            events.Add(e);
        return events;
    }

    private static void AssertSame(SymbolTable expected, SymbolTable found)
    {
        Assert.Equal(expected.Count, found.Count);
        foreach ((CodeLocation location, IReadOnlyList<FunctionLine> functions) in expected.Functions)
            Assert.Equal(functions, found.Functions.Single(f => f.Key == location).Value);
    }
}
