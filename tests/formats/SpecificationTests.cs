using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Packed;
using AllocReplay.Formats.Recording;
using AllocReplay.Formats.Stacks;
using AllocReplay.Formats.Stored;
using AllocReplay.Tests.Support;
using MessagePack;

namespace AllocReplay.Tests.Formats;

/// <summary>What formats/SPEC.md says and what the code does are the same: who has the page alone can read and write traces.</summary>
public sealed class SpecificationTests
{
    private static readonly (string Name, Type Type)[] Maps =
    [
        ("session", typeof(SessionInfo)), ("replay", typeof(ReplayInfo)), ("range", typeof(TraceRange)), ("image", typeof(ImageMetadata)),
        ("update", typeof(ImageUpdate)), ("carried", typeof(CarriedPart)),
        ("process", typeof(ProcessInfo)), ("clock", typeof(ClockRate)), ("thread", typeof(StreamInfo)), ("interval", typeof(Interval)),
        ("marker", typeof(Marker)), ("stacks", typeof(ImageStacks)), ("memory", typeof(ImageMemory)), ("symbols", typeof(SymbolMap)), ("end", typeof(ImageEnd)),
    ];

    private readonly Specification _specification = Specification.Load();

    public static TheoryData<string> MapNames => [.. Maps.Select(m => m.Name)];

    [Theory, MemberData(nameof(MapNames))]
    public void Every_key_of_a_map_is_in_the_specification_with_its_type(string name) =>
        Assert.Equal(KeysOf(Maps.Single(m => m.Name == name).Type), _specification.Table($"### Map: {name}", "key").Select(r => $"{r[0]}: {r[1]}"));

    [Fact]
    public void Every_map_of_the_formats_is_in_the_specification() =>
        Assert.Equal(
            typeof(SessionInfo).Assembly.GetTypes().Where(t => t.GetCustomAttribute<MessagePackObjectAttribute>() is not null && !t.IsNested)
                .Select(t => t.Name).Order(),
            Maps.Select(m => m.Type.Name).Order());

    [Fact]
    public void A_key_that_one_side_lacks_is_noticed() // the control
    {
        string text = File.ReadAllText(Path.Combine(SourceTree.Root, "formats", "SPEC.md"));
        string without = Regex.Replace(text, @"^\| recorded_index .*\n", "", RegexOptions.Multiline);
        Assert.NotEqual(text, without);
        Assert.NotEqual(KeysOf(typeof(StreamInfo)), new Specification(without).Table("### Map: thread", "key").Select(r => $"{r[0]}: {r[1]}"));
    }

    [Fact]
    public void Event_kinds_have_the_numbers_names_and_fields_of_the_specification() =>
        Assert.Equal(
            Enum.GetValues<CallKind>().Select(k =>
                $"{(int)k} {NameOf(k)} "
                + (CallKinds.Fields(k)!.Value & ~CallKinds.Optional).ToString().ToLowerInvariant().Replace(",", "", StringComparison.Ordinal)),
            _specification.Table("## Event kinds", "number").Select(r => $"{r[0]} {r[1]} {(r[2].Length == 0 ? "none" : r[2])}"));

    [Theory]
    [InlineData("### process", typeof(ProcessHeader))]
    [InlineData("### Streams and chunks", typeof(ChunkHeader))]
    [InlineData("### marks", typeof(MarkEntry))]
    [InlineData("### memory", typeof(MemoryEntry))]
    [InlineData("### carried", typeof(CarriedHeader))]
    [InlineData("### Stacks", typeof(FrameRecord))]
    public void Structures_have_the_offsets_of_the_specification(string heading, Type type)
    {
        FieldInfo[] fields = [.. type.GetFields(BindingFlags.Instance | BindingFlags.Public).OrderBy(f => f.MetadataToken)];
        List<string[]> rows = _specification.Table(heading, "offset");
        Assert.Equal(fields.Select(f => ((int)Marshal.OffsetOf(type, f.Name)).ToString(CultureInfo.InvariantCulture)), rows.Select(r => r[0]));
        Assert.Equal(fields.Select(f => TypeOf(f.FieldType)), rows.Select(r => Regex.Replace(r[1], @"^(u?)i?(\d+)$", "$1int$2")));
    }

    [Fact]
    public void Columns_of_a_block_have_the_numbers_of_the_specification() =>
        Assert.Equal(
            ["kind", "time", "back", "address", "size", "count", "alignment", "thread", "duration", "stack"],
            _specification.Table("## Packed trace", "id").Select((r, id) => int.Parse(r[0], CultureInfo.InvariantCulture) == id ? r[1] : "out of order"));

    [Fact]
    public void Limits_are_those_of_the_specification()
    {
        long[] limits = [Wire.ChunkLengthMax, 31, PackedWire.FrameLengthMax, PackedWire.BlockLengthMax, PackedWire.BlockEventsMax, PackedWire.EventsPerByteMax,
            PackedWire.MetadataLengthMax, PackedWire.ExpansionMax, 11, 63];
        Assert.Equal(limits, _specification.Table("## Limits", "limit").Select(r => long.Parse(r[1].Split(' ')[0], CultureInfo.InvariantCulture)));
    }

    [Fact]
    public void The_recording_of_the_example_is_read_as_the_specification_says()
    {
        using TraceReader reader = ExampleRecording();
        Assert.Null(reader.Damage);
        Assert.Equal(("main", "/bin/demo", "/lib/libc.so.6"), (reader.Threads.Single().Name, reader.Process.Executable, reader.Process.AllocatorPath));
        Assert.Equal(_specification.Block("## Example: a recording", "events"), EventsOf(reader));
    }

    [Fact]
    public void The_packed_trace_of_the_example_is_the_same_trace()
    {
        using TraceReader recording = ExampleRecording();
        using TraceReader pack = PackFrames.Open(_specification.Files("## Example: a packed trace")["pack"]);
        Assert.Null(pack.Damage);
        Assert.Equal((recording.Process with { Arguments = [] }, "p100.0"), (pack.Process with { Arguments = recording.Process.Arguments }, pack.Image));
        Assert.Equal(recording.Threads, pack.Threads);
        Assert.Equal(recording.Intervals, pack.Intervals);
        Assert.Equal(_specification.Block("## Example: a recording", "events"), EventsOf(pack));
    }

    /// <summary>The example was not made by the packer: so the rules that it was made by are the packer's.</summary>
    [Fact]
    public void The_packer_makes_the_events_of_the_example()
    {
        using TraceReader recording = ExampleRecording();
        PackFrames made = PackFrames.Of(PackFrames.Pack(recording)), example = PackFrames.Of(_specification.Files("## Example: a packed trace")["pack"]);
        Assert.Equal(example.Frames[example.IndexOf(FrameKind.Events)].Payload, made.Frames[made.IndexOf(FrameKind.Events)].Payload);
        Assert.Equal(example.Frames.Select(f => f.Header.Kind), made.Frames.Select(f => f.Header.Kind));
    }

    [Fact]
    public void Keys_that_a_session_lacks_have_the_values_of_the_specification()
    {
        var session = StoredMap.Deserialize<SessionInfo>((byte[])[0x80])!;
        Assert.Equal(("", "", "", "preload", 0, null), (session.Host, session.Kernel, session.Recorder, session.Source, session.Pid, session.ExitCode));
        Assert.Empty(session.Command);
        Assert.Empty(StoredMap.Deserialize<ReplayInfo>((byte[])[0x80])!.Substituted);
    }

    private TraceReader ExampleRecording() =>
        TraceReader.OpenImage(ByteFolder.OfFiles("example/p100.0", _specification.Files("## Example: a recording")));

    private static IEnumerable<string> EventsOf(TraceReader reader)
    {
        while (reader.Read(out TraceEvent e))
        {
            CallFields fields = CallKinds.Fields(e.Kind)!.Value;
            string text = string.Create(CultureInfo.InvariantCulture, $"{e.TimeNs} {NameOf(e.Kind)}");
            if ((fields & CallFields.Address) != 0)
                text += e.IsNull ? " null" : $" 0x{e.Address:x}";
            if ((fields & CallFields.Size) != 0)
                text += $" size {e.Size}";
            yield return (fields & CallFields.Count) != 0 ? $"{text} count {e.Count}" : text;
        }
    }

    /// <summary>As in the C list, in small letters.</summary>
    private static string NameOf(CallKind kind) =>
        Regex.Replace(kind.ToString(), "(?<=[a-z])([A-Z])", "_$1").ToLowerInvariant().Replace("realloc_array", "reallocarray", StringComparison.Ordinal);

    private static IEnumerable<string> KeysOf(Type type)
    {
        var nullability = new NullabilityInfoContext();
        return type.GetProperties().Where(p => p.GetCustomAttribute<KeyAttribute>() is not null).OrderBy(p => p.MetadataToken)
            .Select(p => $"{p.GetCustomAttribute<KeyAttribute>()!.StringKey}: {TypeOf(p.PropertyType)}"
                + (Nullable.GetUnderlyingType(p.PropertyType) is not null || nullability.Create(p).ReadState == NullabilityState.Nullable ? " or nil" : ""));
    }

    private static string TypeOf(Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        Type[] arguments = type.IsArray ? [type.GetElementType()!] : type.GetGenericArguments();
        return type == typeof(byte[]) ? "binary"
            : arguments.Length == 2 ? $"map of {TypeOf(arguments[0])} to {TypeOf(arguments[1])}"
            : arguments.Length == 1 ? $"array of {TypeOf(arguments[0])}"
            : type.GetCustomAttribute<InlineArrayAttribute>() is { } bytes ? $"{bytes.Length} bytes"
            : Maps.FirstOrDefault(m => m.Type == type).Name
            ?? type.Name switch
            {
                "String" => "text",
                "Boolean" => "bool",
                "Byte" => "uint8",
                "Double" => "float64",
                "DateTimeOffset" => "time",
                "RecordingState" => "state",
                "SampleScheme" => "scheme",
                _ => type.Name.ToLowerInvariant(),
            };
    }
}
