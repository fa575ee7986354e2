using System.Globalization;
using System.Text;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Packed;
using AllocReplay.Formats.Stacks;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Formats;

/// <summary>
/// Traces that were written when version 1 of the formats was made are read as they were then. The files are never written again, by
/// nothing: see tests/golden/v1/README.md.
/// </summary>
public sealed class GoldenTests
{
    private static string Folder => Path.Combine(SourceTree.Root, "tests", "golden", "v1");

    public static TheoryData<string> Names => [.. Directory.GetFiles(Folder, "*.hex").Select(f => Path.GetFileNameWithoutExtension(f))
        .Order(StringComparer.Ordinal)];

    [Theory, MemberData(nameof(Names))]
    public void A_trace_of_version_1_is_read_as_it_was(string name) =>
        Assert.Equal(File.ReadAllText(Path.Combine(Folder, name + ".txt")), Listing(name));

    /// <summary>What the files are there for is in them.</summary>
    [Fact]
    public void The_traces_of_version_1_have_all_kinds_and_all_encodings()
    {
        Assert.Equal(
            ["damaged", "directory", "gap", "intervals", "kinds", "regions-directory", "stacks", "stacks-directory", "two-images"], Names.Select(n => n.Data));
        string listings = string.Concat(Names.Select(n => File.ReadAllText(Path.Combine(Folder, n.Data + ".txt"))));
        Assert.All(Enum.GetValues<CallKind>(), k => Assert.Contains($" {k} ", listings, StringComparison.Ordinal));
        foreach (string part in (string[])["address null", "address 7f0000000003 ", "size 18446744073709551615", "duration 0", "interval 3", "mark ",
            "damage: ", "session ", " stack 5", "exact True", "exact False", "memory at", "inlined True", "whole False", "generation 1"])
            Assert.Contains(part, listings, StringComparison.Ordinal);
        HashSet<int> encodings = [];
        foreach (TheoryDataRow<string> name in Names)
            if (HexText.Read(Path.Combine(Folder, name.Data + ".hex")).TryGetValue("pack", out byte[]? pack))
                encodings.UnionWith(PackFrames.Of(pack).Frames.Where(f => f.Header.Kind == FrameKind.Events)
                    .SelectMany(f => EncodingsOf(f.Payload, f.Header.Count)));
        Assert.Equal([0, 1, 2], encodings.Order());
    }

    private static IEnumerable<int> EncodingsOf(byte[] block, uint events)
    {
        Assert.True(events > 0);
        for (int at = 0; at + IntegerColumn.HeaderSize <= block.Length; at += IntegerColumn.HeaderSize + BitConverter.ToInt32(block, at + 8))
            yield return block[at + 1] & 0x7f;
    }

    private static string Listing(string name)
    {
        Dictionary<string, byte[]> files = HexText.Read(Path.Combine(Folder, name + ".hex"));
        var text = new StringBuilder();
        if (!files.TryGetValue("pack", out byte[]? pack))
        {
            using TraceReader reader = TraceReader.OpenImage(ByteFolder.OfFiles($"{name}/p100.0", files));
            Append(text, reader);
            return text.ToString();
        }
        using TraceReader busiest = Open(name, pack, null);
        if (busiest.Session is { } s)
            text.Append(CultureInfo.InvariantCulture,
                $"session '{string.Join("' '", s.Command)}' host {s.Host} kernel {s.Kernel} processors {s.Processors} started {s.StartedNs} "
                + $"pid {s.Pid} exit {s.ExitCode} recorder {s.Recorder} source {s.Source}\n");
        foreach (ProcessImage image in busiest.Images)
        {
            using TraceReader reader = Open(name, pack, image.Name);
            Append(text, reader);
        }
        return text.ToString();
    }

    private static TraceReader Open(string name, byte[] pack, string? image) => TraceReader.OpenPack(ByteSource.OfBytes(name, pack), image);

    private static void Append(StringBuilder text, TraceReader reader)
    {
        ProcessInfo p = reader.Process;
        text.Append(CultureInfo.InvariantCulture,
            $"image {reader.Image} pid {p.Pid} parent {p.ParentPid} executable {p.Executable} arguments '{string.Join("' '", p.Arguments)}'\n");
        text.Append(CultureInfo.InvariantCulture,
            $"allocator {p.AllocatorPath} build id '{p.AllocatorBuildId}' architecture {p.Architecture} started {p.Started:O}\n");
        text.Append(CultureInfo.InvariantCulture,
            $"state {p.State} failure '{p.Failure}' lost {p.LostEvents} new {p.RecordsOperatorNew} source {p.Source} "
            + $"forked {p.Forked} sample {p.Sample} latency {p.Latency} format {p.FormatVersion}\n");
        text.Append(CultureInfo.InvariantCulture, $"maps '{reader.Source.Maps.TrimEnd('\n')}'\n");
        foreach (ThreadInfo t in reader.Threads)
            text.Append(CultureInfo.InvariantCulture, $"thread {t.Index} {t.OsTid} {t.Name}\n");
        foreach (Interval i in reader.Intervals)
            text.Append(CultureInfo.InvariantCulture, $"interval {i.Number} from {i.StartNs} to {i.StopNs}\n");
        foreach (Marker m in reader.Markers)
            text.Append(CultureInfo.InvariantCulture, $"mark {m.Name} at {m.TimeNs} interval {m.IntervalNumber}\n");
        if (p.Regions)
            text.Append("regions recorded\n");
        foreach (MemorySample m in reader.MemorySamples)
            text.Append(CultureInfo.InvariantCulture,
                $"memory at {m.TimeNs} resident {m.ResidentBytes} anonymous {m.AnonymousBytes} swapped {m.SwappedBytes} peak {m.PeakResidentBytes}\n");
        var stacks = new SortedSet<int>();
        while (reader.Read(out TraceEvent e))
        {
            string address = e.IsNull ? "null" : e.Address.ToString("x", CultureInfo.InvariantCulture);
            text.Append(CultureInfo.InvariantCulture,
                $"{e.TimeNs} {e.Thread} {e.Kind} interval {e.Interval} address {address} size {e.Size} count {e.Count} alignment {e.Alignment}");
            text.Append(CultureInfo.InvariantCulture,
                $" other {e.OtherThread} duration {e.DurationNs} object {e.Object} previous {e.PreviousObject} displaced {e.DisplacedObject}");
            text.Append(CultureInfo.InvariantCulture, $"{(e.Stack > 0 ? $" stack {e.Stack}" : "")}\n");
            if (e.Stack > 0)
                stacks.Add(e.Stack);
        }
        foreach (Module m in reader.Frames.Modules)
            text.Append(CultureInfo.InvariantCulture, $"module {m.Index} {m.From:x}-{m.To:x} generation {m.Generation} build id '{m.BuildId}' {m.Path}\n");
        foreach (int stack in stacks)
        {
            IReadOnlyList<Frame> frames = reader.Frames.Of(stack, out bool isWhole);
            text.Append(CultureInfo.InvariantCulture, $"stack {stack} site {SiteHash.Of(frames, reader.Symbols):x16} whole {isWhole}\n");
            foreach (StackLine line in reader.Symbols.Lines(frames))
                text.Append(CultureInfo.InvariantCulture, $"  {line.Frame.Address:x} exact {line.Frame.IsExact} module {line.Frame.Module?.Index} "
                    + $"{line.Name} linkage '{line.Function?.LinkageName}' file '{line.Function?.File}' line {line.Function?.Line} inlined {line.IsInlined}\n");
        }
        // As the file has it: how a reader words it is not the format's.
        string? note = (reader.Source as PackedImage)?.End?.Damage;
        Assert.Equal(note is null, reader.Damage is null);
        text.Append(CultureInfo.InvariantCulture, $"damage: {note ?? "none"}\n");
    }
}
