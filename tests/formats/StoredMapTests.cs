using System.Reflection;
using AllocReplay.Formats;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Packed;
using AllocReplay.Formats.Stacks;
using AllocReplay.Formats.Stored;
using AllocReplay.Symbols;
using MessagePack;
using MessagePack.Resolvers;

namespace AllocReplay.Tests.Formats;

/// <summary>What is stored as MessagePack is what the package's own serializer makes of it, which makes code for each type.</summary>
public sealed class StoredMapTests
{
    private static readonly MessagePackSerializerOptions Package =
        MessagePackSerializerOptions.Standard.WithResolver(StandardResolverAllowPrivate.Instance).WithSecurity(MessagePackSecurity.UntrustedData);

    private static readonly ProcessInfo Process = new()
    {
        Pid = 4_000_000_000,
        ParentPid = 1,
        Executable = "/bin/sh",
        Arguments = ["sh", "-c", "ä"],
        AllocatorPath = "/lib/libc.so.6",
        AllocatorBuildId = "ab",
        Architecture = "aarch64",
        Started = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.FromHours(2)).AddTicks(7),
        State = RecordingState.Recording,
        Failure = null,
        LostEvents = ulong.MaxValue,
        RecordsOperatorNew = true,
        Source = "preload",
        Forked = false,
        Sample = 1,
        SampleScheme = SampleScheme.Bytes,
        Latency = true,
        FormatVersion = "1.2",
    };

    [Fact]
    public void A_session_is_stored_as_the_package_stores_it() => Agrees(new SessionInfo
    {
        Command = ["a", "b"],
        Host = "h",
        Processors = -3,
        StartedNs = long.MinValue,
        ExitCode = 137,
        PackedInto = "x.alloctrace",
        Replay = new ReplayInfo
        {
            Trace = "t",
            Slowness = 0.5,
            Substituted = new Dictionary<int, int> { [1] = 2, [300] = -4 },
            Range = new TraceRange { FromMark = "m", ToNs = 5, Interval = 7 },
        },
    });

    [Fact]
    public void An_image_is_stored_as_the_package_stores_it() => Agrees(new ImageMetadata
    {
        Name = "p1.0",
        Process = Process,
        Clock = new ClockRate(ulong.MaxValue, 3, 1),
        Threads = [new StreamInfo(0, 5, 6, "main"), null!],
        Intervals = [new Interval(1, 0, null), new Interval(2, 5, 9)],
        Markers = [new Marker("m", -1, 2)],
        Maps = "",
        Carried = new CarriedPart(3, 4),
    });

    [Fact]
    public void Its_parts_are_stored_as_the_package_stores_them()
    {
        Agrees(new ImageUpdate { Process = Process, Clock = default, Threads = [] });
        Agrees(new ImageEnd { Events = 1L << 40, Damage = null });
        Agrees(new ImageStacks { Frames = [1, 2, 3], Modules = "m", First = 9 });
        var symbols = new SymbolMap { Texts = ["", "main"], Locations = [new SymbolMap.Location(0, 1ul << 50, [1, 0, 0, 12])] };
        Agrees(symbols);
        Agrees(new SymbolCache.Entry { Source = "s", Problem = null, Known = symbols, Unknown = [1, ulong.MaxValue] });
    }

    /// <summary>What a property of a new type would be found by first where it is stored.</summary>
    [Fact]
    public void Every_property_that_is_stored_has_a_type_that_can_be()
    {
        PropertyInfo[] stored = [.. new[] { typeof(SessionInfo), typeof(SymbolCache) }.SelectMany(t => t.Assembly.GetTypes())
            .Where(t => t.GetCustomAttribute<MessagePackObjectAttribute>() is not null).SelectMany(t => t.GetProperties())
            .Where(p => p.GetCustomAttribute<KeyAttribute>() is not null)];

        Assert.True(stored.Length > 60);
        Assert.All(stored, p => Assert.NotNull(StoredValue.Of(p.PropertyType)));
        Assert.Throws<NotSupportedException>(() => StoredValue.Of(typeof(Guid))); // the control
    }

    [Theory]
    [InlineData("81 a6 65 76 65 6e 74 73 c0")] // nil for a number
    [InlineData("81 a6 65 76 65 6e 74 73 a1 31")] // text for a number
    [InlineData("81 a6 65 76 65 6e 74 73 cf ff ff ff ff ff ff ff ff")] // too large
    [InlineData("81 a6 65 76 65 6e")] // cut
    [InlineData("91 01")] // no map
    [InlineData("df ff ff ff ff")] // more keys than there are bytes
    public void What_is_no_such_object_is_refused_as_the_package_refuses_it(string hex)
    {
        byte[] bytes = Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));

        Assert.Throws<MessagePackSerializationException>(() => MessagePackSerializer.Deserialize<ImageEnd>(bytes, Package));
        Assert.Throws<MessagePackSerializationException>(() => StoredMap.Deserialize<ImageEnd>(bytes));
    }

    [Fact]
    public void Keys_that_are_not_known_are_skipped_and_nil_is_null()
    {
        ImageEnd? end = StoredMap.Deserialize<ImageEnd>(Convert.FromHexString("82a16192c0a178a66576656e747307"));

        Assert.Equal((7, null), (end!.Events, end.Damage));
        Assert.Null(StoredMap.Deserialize<ImageEnd>((byte[])[0xc0]));
    }

    private static void Agrees<T>(T value)
        where T : class
    {
        byte[] expected = MessagePackSerializer.Serialize(value, Package);

        Assert.Equal(expected, StoredMap.Serialize(value));
        Assert.Equal(expected, MessagePackSerializer.Serialize(StoredMap.Deserialize<T>(expected), Package));
    }
}
