using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using AllocReplay.Formats.Files;

namespace AllocReplay.Formats.Recording;

/// <summary>Reads the file <c>marks</c>: starts, stops and names, in order of time.</summary>
internal static class MarkFile
{
    /// <summary>More entries than anybody sets; the rest is ignored, so that a hostile file costs no more.</summary>
    private const int EntriesMax = 1_000_000;

    public static (IReadOnlyList<Interval> Intervals, IReadOnlyList<Marker> Markers) Read(ByteFolder directory, ulong startMonoNs)
    {
        var intervals = new List<Interval>();
        var markers = new List<Marker>();
        using ByteSource? file = directory.Open(Wire.MarksFile);
        if (file is null)
            return (intervals, markers);
        Span<byte> buffer = stackalloc byte[Unsafe.SizeOf<MarkEntry>()];
        // A last entry that is cut short was never finished.
        for (int n = 0; n < EntriesMax && file.Read(buffer, (long)n * buffer.Length) == buffer.Length; n++)
        {
            var entry = MemoryMarshal.Read<MarkEntry>(buffer);
            long ns = (long)Math.Min(entry.MonoNs > startMonoNs ? entry.MonoNs - startMonoNs : 0, long.MaxValue);
            if (entry.Kind == MarkEntry.Start)
                intervals.Add(new Interval(entry.Interval, ns, null));
            else if (entry.Kind == MarkEntry.Stop && intervals.Count > 0 && intervals[^1].Number == entry.Interval)
                intervals[^1] = intervals[^1] with { StopNs = ns };
            else if (entry.Kind == MarkEntry.Named)
                markers.Add(new Marker(Text(entry.Name), ns, entry.Interval));
        }
        return (intervals, markers);
    }

    private static string Text(ReadOnlySpan<byte> bytes)
    {
        int end = bytes.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
    }
}
