using AllocReplay.Formats;

namespace AllocReplay.Analyzer.Tables;

/// <summary>A named moment of a recording: a row of the table <c>markers</c>.</summary>
internal readonly record struct MarkerRow
{
    [Column("ns", "ns since start", "When it was left.")]
    public required long Ns { get; init; }

    [Column("name", "text", "What `allocreplay control … mark` was given. Several may have the same.")]
    public required string Name { get; init; }

    [Column("interval", "number", "The interval that it falls into: `intervals.interval`; 0 when the recording was stopped.")]
    public required int Interval { get; init; }

    public static MarkerRow Of(Marker marker) => new() { Ns = marker.TimeNs, Name = marker.Name, Interval = (int)marker.IntervalNumber };
}
