using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Packed;

namespace AllocReplay.Tests.Support;

/// <summary>
/// Packs recordings and asserts that the pack gives the same events in the same order, and the same metadata. Every temporary
/// directory of a test is checked as it goes: so every recording of the test suite is, sound or damaged.
/// </summary>
internal static class PackedTwin
{
    /// <summary>Checks each process image under a directory.</summary>
    /// <returns>How many there are.</returns>
    public static int AssertSameUnder(string directory)
    {
        string pack = Path.Combine(directory, "twin.alloctrace");
        int images = 0;
        foreach (string header in Directory.GetFiles(directory, "process", SearchOption.AllDirectories))
        {
            if (AssertSame(Path.GetDirectoryName(header)!, pack))
                images++;
        }
        return images;
    }

    /// <summary>Checks one process image.</summary>
    /// <returns>False when it cannot be opened: then it cannot be packed either.</returns>
    public static bool AssertSame(string image, string pack)
    {
        TraceReader recording;
        try
        {
            recording = TraceReader.Open(image);
        }
        catch (TraceFormatException)
        {
            Assert.Throws<TraceFormatException>(() => TracePacker.Pack(image, pack, partial: true));
            return false;
        }
        using (recording)
        {
            PackResult result = TracePacker.Pack(image, pack, partial: true);
            using TraceReader packed = TraceReader.Open(pack);
            Assert.Equal(recording.Threads, packed.Threads);
            Assert.Equal(recording.Intervals, packed.Intervals);
            Assert.Equal(recording.Markers, packed.Markers);
            Assert.Equal(recording.MemorySamples, packed.MemorySamples);
            Assert.Equal(recording.Process with { Arguments = [] }, packed.Process with { Arguments = [] });
            Assert.Equal(recording.Process.Arguments, packed.Process.Arguments);
            Assert.Equal(recording.Session?.Command, packed.Session?.Command);
            long events = AssertSameEvents(recording, packed);
            Assert.Equal(events, result.Events);
            Assert.Equal(recording.Merge, packed.Merge);
            Assert.Equal(recording.Damage is null, packed.Damage is null);
            if (recording.Damage is not null)
                Assert.Contains(recording.Damage.Message, packed.Damage!.Message, StringComparison.Ordinal);
        }
        File.Delete(pack);
        return true;
    }

    /// <summary>Reads both to their ends.</summary>
    /// <returns>The number of events.</returns>
    public static long AssertSameEvents(TraceReader recording, TraceReader packed)
    {
        long events = 0;
        while (recording.Read(out TraceEvent expected))
        {
            // The message costs more than the comparison, of which there are hundreds of millions.
            if (!packed.Read(out TraceEvent actual) || actual != expected)
                Assert.Fail($"{recording.Path}: event {events}: expected {expected}, the pack has {actual}");
            events++;
        }
        Assert.False(packed.Read(out _), $"{recording.Path}: the pack has more than {events} events");
        return events;
    }
}
