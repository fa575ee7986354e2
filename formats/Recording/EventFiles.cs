using System.Globalization;
using AllocReplay.Formats.Files;

namespace AllocReplay.Formats.Recording;

/// <summary>
/// The files of a process image in which chunks lie that are whole: the segments, <c>events</c> and then <c>events.1</c>, <c>events.2</c> …, of which
/// the first ones go as a recording lets go of what is old, and <c>carried</c>, which holds what is kept of those.
/// </summary>
internal sealed class EventFiles : IDisposable
{
    /// <summary>Stands for the file <c>carried</c> where a segment's number is asked for.</summary>
    public const int CarriedSegment = -1;

    private readonly ByteFolder _directory;
    private readonly List<ByteSource> _segments = [];

    private EventFiles(ByteFolder directory, CarriedFile? carried) => (_directory, Carried, First) = (directory, carried, carried?.FirstSegment ?? 0);

    /// <summary>What is kept of the segments that are gone; null where none are.</summary>
    public CarriedFile? Carried { get; }

    /// <summary>Number of the first segment.</summary>
    public int First { get; }

    /// <summary>Number behind the last segment that was found.</summary>
    public int End => First + _segments.Count;

    /// <summary>Opens what is there. Segments that come later are found by <see cref="Look"/>.</summary>
    /// <param name="directory">Of the process image.</param>
    /// <exception cref="TraceFormatException">A file cannot be opened, or <c>carried</c> is damaged.</exception>
    public static EventFiles Open(ByteFolder directory)
    {
        // Who lets go of segments writes what is kept of them first: where the first one is missing, that has happened just now, and is found next time.
        const int attempts = 100;
        for (int attempt = 1; ; attempt++)
        {
            var files = new EventFiles(directory, CarriedFile.Read(directory));
            try
            {
                files.Look();
                if (files.Carried is null || files._segments.Count > 0 || attempt == attempts)
                    return files;
                files.Dispose();
            }
            catch
            {
                files.Dispose();
                throw;
            }
        }
    }

    /// <summary>Finds segments that have come since.</summary>
    public void Look()
    {
        while (_directory.Open(NameOf(End)) is { } next)
            _segments.Add(next);
    }

    /// <summary>Whether segments were let go of before they were found: who looked last was too slow, and has to begin anew.</summary>
    public bool IsOvertaken => CarriedFile.FirstSegmentOf(_directory) > End;

    /// <summary>Lets go of a segment's file, of which nothing is to be read any more.</summary>
    public void Close(int segment) => _segments[segment - First].Dispose();

    public long LengthOf(int segment) => _segments[segment - First].Length;

    /// <summary>Reads as many bytes as there are, of a segment or of <c>carried</c>.</summary>
    public int Read(Span<byte> buffer, int segment, long offset) => Source(segment).Read(buffer, offset);

    /// <summary>What messages call it.</summary>
    public string PathOf(int segment) => Source(segment).Path;

    public ByteSource Source(int segment) => segment == CarriedSegment ? Carried!.Source : _segments[segment - First];

    /// <summary>Numbers of the segments that an image's directory has, in any order.</summary>
    public static IEnumerable<int> SegmentsOf(string directory)
    {
        foreach (string file in Directory.EnumerateFiles(directory, Wire.EventsFile + "*"))
        {
            string name = Path.GetFileName(file);
            if (name == Wire.EventsFile)
                yield return 0;
            else if (int.TryParse(name[(Wire.EventsFile.Length + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out int number)
                && NameOf(number) == name)
                yield return number;
        }
    }

    public static string NameOf(int segment) =>
        segment == 0 ? Wire.EventsFile : string.Create(CultureInfo.InvariantCulture, $"{Wire.EventsFile}.{segment}");

    public void Dispose()
    {
        Carried?.Source.Dispose();
        foreach (ByteSource segment in _segments)
            segment.Dispose();
    }
}
