using System.Text.Json.Serialization;
using MessagePack;

namespace AllocReplay.Formats;

/// <summary>
/// The part of a process image's trace that is to be read. What lies before it is passed over, but known: a block that was acquired
/// there has its object when it is released.
/// </summary>
/// <remarks>
/// It is one stretch of the merged order: it begins at the first event that is not before its beginning, and ends before the first
/// that is not before its end. All that is given has to hold.
/// </remarks>
[MessagePackObject]
public sealed record TraceRange
{
    /// <summary>Number of the one interval to read; null for all.</summary>
    [Key("interval")] public uint? Interval { get; init; }

    /// <summary>Read from the first mark of this name on, of the interval where one is given.</summary>
    [Key("from_mark")] public string? FromMark { get; init; }

    /// <summary>Read up to the first mark of this name that is not before the beginning.</summary>
    [Key("to_mark")] public string? ToMark { get; init; }

    /// <summary>Read from this moment on, nanoseconds since the start of the recording; null for its beginning.</summary>
    [Key("from_ns")] public long? FromNs { get; init; }

    /// <summary>Read up to this moment, nanoseconds since the start of the recording, exclusive; null for its end.</summary>
    [Key("to_ns")] public long? ToNs { get; init; }

    /// <summary>Whether it bounds time, not just the interval.</summary>
    [IgnoreMember, JsonIgnore]
    public bool BoundsTime => (FromMark ?? ToMark) is not null || (FromNs ?? ToNs) is not null;

    /// <summary>One interval of a recording.</summary>
    /// <param name="number">From 1.</param>
    public static TraceRange OfInterval(uint number) => new() { Interval = number };

    /// <summary>The moments that bound it: from the first, up to the second.</summary>
    /// <exception cref="TracePartException">There is no such interval or mark.</exception>
    internal (long FromNs, long ToNs) Resolve(string path, IReadOnlyList<Interval> intervals, IReadOnlyList<Marker> markers)
    {
        if (Interval is { } only && intervals.All(i => i.Number != only))
            throw new TracePartException(path, $"no interval {only}; there are {(intervals.Count == 0 ? "none" : $"1 to {intervals[^1].Number}")}");
        (long? from, long? to) = Known(markers);
        return (from ?? throw Missing(path, FromMark!, markers), to ?? throw Missing(path, ToMark!, markers));
    }

    /// <summary>The moments that bound it, as far as the marks that do have been left; null where one has not.</summary>
    internal (long? FromNs, long? ToNs) Known(IReadOnlyList<Marker> markers)
    {
        Marker[] marks = MarksOf(markers);
        long from = FromNs ?? 0, to = ToNs ?? long.MaxValue;
        if (FromMark is { } begin)
        {
            if (Find(begin, marks, long.MinValue) is not { } mark)
                return (null, ToMark is null ? to : null);
            from = Math.Max(from, mark.TimeNs);
        }
        // Not the mark that it begins with, where both have one name.
        if (ToMark is { } end)
            return (from, Find(end, marks, FromMark == end ? from + 1 : from) is { } mark ? Math.Min(to, mark.TimeNs) : null);
        return (from, to);
    }

    private Marker[] MarksOf(IReadOnlyList<Marker> markers) => [.. markers.Where(m => Interval is null || m.IntervalNumber == Interval)];

    private static Marker? Find(string name, Marker[] marks, long notBefore) => marks.FirstOrDefault(m => m.Name == name && m.TimeNs >= notBefore);

    private TracePartException Missing(string path, string name, IReadOnlyList<Marker> markers)
    {
        Marker[] marks = MarksOf(markers);
        return new TracePartException(path,
            marks.Any(m => m.Name == name) ? $"no mark {name} after the beginning of what is to be read"
            : $"no mark {name}; there {(marks.Length == 0 ? "are none" : $"are {string.Join(", ", marks.Select(m => m.Name).Distinct())}")}");
    }
}
