using MessagePack;

namespace AllocReplay.Formats;

/// <summary>
/// What a trace says of the part of its recording that is gone (<c>record --keep</c>): before a moment there are only the blocks that were live then, with
/// their true times, sizes, threads and stacks. Their events say so: <see cref="Calls.TraceEvent.IsCarried"/>.
/// </summary>
/// <param name="UntilNs">The moment, nanoseconds since the start of the recording: from there on, all that was recorded is there.</param>
/// <param name="EventsGone">Events before it of which nothing is left.</param>
[MessagePackObject]
public sealed record CarriedPart([property: Key("until_ns")] long UntilNs, [property: Key("events_gone")] long EventsGone);
