using System.Diagnostics.CodeAnalysis;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Stored;
using K4os.Compression.LZ4;
using MessagePack;

namespace AllocReplay.Formats.Packed;

/// <summary>What a pack says of a process image beside its events. Stored as a MessagePack map; unknown keys are skipped.</summary>
[MessagePackObject]
internal sealed record ImageMetadata
{
    [Key("name")] public required string Name { get; init; }
    [Key("process")] public required ProcessInfo Process { get; init; }
    [Key("clock")] public required ClockRate Clock { get; init; }
    [Key("threads")] public required StreamInfo[] Threads { get; init; }
    [Key("intervals")] public required Interval[] Intervals { get; init; }
    [Key("markers")] public required Marker[] Markers { get; init; }

    [Key("maps")] public required string Maps { get; init; }

    /// <summary>Null where the recording is there from its beginning.</summary>
    [Key("carried")] public CarriedPart? Carried { get; init; }
}

/// <summary>What has become known of an image since it was begun, in a pack that is written while the image is recorded.</summary>
[MessagePackObject]
internal sealed record ImageUpdate
{
    [Key("process")] public required ProcessInfo Process { get; init; }
    [Key("clock")] public required ClockRate Clock { get; init; }

    /// <summary>Threads that are new, the next index first, or have another name.</summary>
    [Key("threads")] public required StreamInfo[] Threads { get; init; }

    /// <summary>All intervals; null where they are as before.</summary>
    [Key("intervals")] public Interval[]? Intervals { get; init; }

    /// <summary>All markers; null where they are as before.</summary>
    [Key("markers")] public Marker[]? Markers { get; init; }
}

/// <summary>How much memory a process had.</summary>
[MessagePackObject]
internal sealed record ImageMemory
{
    /// <summary>The entries of the file <c>memory</c>, with times that count from the start of the recording.</summary>
    [Key("samples")] public required byte[] Samples { get; init; }
}

/// <summary>What is known when an image's events are written.</summary>
[MessagePackObject]
internal sealed record ImageEnd
{
    [Key("events")] public required long Events { get; init; }

    /// <summary>Why the recording could not be packed whole; null when it was.</summary>
    [Key("damage")] public required string? Damage { get; init; }
}

/// <summary>The stacks of an image, as its recording has them.</summary>
[MessagePackObject]
internal sealed record ImageStacks
{
    /// <summary>The records of the file <c>frames</c>, from <see cref="First"/> on.</summary>
    [Key("frames")] public required byte[] Frames { get; init; }

    /// <summary>The file <c>modules</c>.</summary>
    [Key("modules")] public required string Modules { get; init; }

    /// <summary>Number of the first record: those before it are in the image's stacks before these.</summary>
    [Key("first")] public int First { get; init; }
}

/// <summary>MessagePack and LZ4, as the frames that are not events are stored.</summary>
internal static class Metadata
{
    public static byte[] Encode<[DynamicallyAccessedMembers(StoredMap.Members)] T>(T value, out uint length)
        where T : class
    {
        byte[] bytes = StoredMap.Serialize(value);
        length = (uint)bytes.Length;
        var compressed = new byte[LZ4Codec.MaximumOutputSize(bytes.Length)];
        int n = LZ4Codec.Encode(bytes, compressed);
        return n < bytes.Length && bytes.Length <= n * PackedWire.ExpansionMax ? compressed[..n] : bytes;
    }

    /// <returns>null when it cannot be decoded; <paramref name="problem"/> then says what was expected.</returns>
    public static T? Decode<[DynamicallyAccessedMembers(StoredMap.Members)] T>(ReadOnlySpan<byte> payload, uint length, out string problem)
        where T : class
    {
        long most = Math.Min(PackedWire.MetadataLengthMax, payload.Length * (long)PackedWire.ExpansionMax);
        problem = $"expected at most {most} bytes of metadata, found {length}";
        if (length > most)
            return null;
        problem = "expected metadata that LZ4 can decompress";
        var bytes = new byte[length];
        if (length == payload.Length)
            payload.CopyTo(bytes);
        else if (LZ4Codec.Decode(payload, bytes) != length)
            return null;
        problem = "expected metadata as a MessagePack map, found nil";
        try
        {
            return StoredMap.Deserialize<T>(bytes);
        }
        catch (MessagePackSerializationException e)
        {
            problem = $"expected metadata as a MessagePack map ({e.InnerException?.Message ?? e.Message})";
            return null;
        }
    }
}
