using MessagePack;

namespace AllocReplay.Formats;

/// <summary>A stretch of time that was recorded, between a start and a stop.</summary>
/// <param name="Number">From 1, in order.</param>
/// <param name="StartNs">Nanoseconds since the start of the recording.</param>
/// <param name="StopNs">The same; null when it was not stopped: it is being recorded, or ended with the process.</param>
[MessagePackObject]
public sealed record Interval([property: Key("number")] uint Number, [property: Key("start_ns")] long StartNs, [property: Key("stop_ns")] long? StopNs);

/// <summary>A named moment, left by <c>allocreplay control … mark</c>.</summary>
/// <param name="Name">Up to 47 bytes of UTF-8.</param>
/// <param name="TimeNs">Nanoseconds since the start of the recording.</param>
/// <param name="IntervalNumber">The interval that it falls into, 0 when the recording was stopped.</param>
[MessagePackObject]
public sealed record Marker([property: Key("name")] string Name, [property: Key("time_ns")] long TimeNs, [property: Key("interval")] uint IntervalNumber);
