using System.Globalization;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Recording;
using AllocReplay.Tests.Support;
using CsCheck;

namespace AllocReplay.Tests.Formats;

/// <summary>A recording that is packed while it is written, and by whom it may be killed at any moment: nothing is lost, and nothing is there twice.</summary>
public sealed class SpillPackerTests : IDisposable
{
    private const string Seed = "0002bKe9xQ53", FileName = "r.alloctrace", SessionName = "r.allocrec";
    /// <summary>The first finds events, of which the second knows that they are final.</summary>
    private const int Looks = 3;

    private static readonly string[] Images = ["p100.0", "p200.0"];
    private static readonly int Iterations = Effort.Of(Effort.OfLong(1000, 60), small: 15);

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    private static Gen<(RandomKept.Step[], RandomKept.Step[], int)> Kills => Gen.Select(RandomKept.Traces, RandomKept.Traces, Gen.Int[0, 99]);

    [Fact]
    public void However_it_is_killed_what_it_goes_on_with_becomes_the_whole_recording() => Kills.Sample(
        (first, second, cut) =>
        {
            string whole = Folder(), now = Folder();
            Write(whole, [first, second]);
            Write(now, [first, second]);
            // What there is at each moment at which it may be killed: a directory and a file that is behind it, or ahead by a part.
            var moments = new List<string>();
            using (SpillPacker packer = Begin(now))
            {
                moments.Add(Copy(now));
                for (int look = 0; look < Looks; look++)
                {
                    if (packer.PackSegments(CancellationToken.None))
                        moments.Add(Copy(now));
                }
            }
            moments.Add(Copy(now));
            Check(whole, Complete(now));
            for (int i = 0; i + 1 < moments.Count; i++)
            {
                string ahead = Copy(moments[i]), file = Path.Combine(ahead, FileName);
                byte[] later = File.ReadAllBytes(Path.Combine(moments[i + 1], FileName));
                int least = (int)new FileInfo(file).Length;
                File.WriteAllBytes(file, later[..(least + (later.Length - least) * cut / 99)]);
                Check(whole, Complete(ahead));
            }
            // The segments of which the file has all are there still.
            string behind = Copy(moments[^1]);
            foreach (string image in Images)
                foreach (string segment in Directory.GetFiles(Path.Combine(moments[0], SessionName, image), "events*"))
                    File.Copy(segment, Path.Combine(behind, SessionName, image, Path.GetFileName(segment)), overwrite: true);
            Check(whole, Complete(behind));
        },
        seed: Seed, iter: Iterations, threads: 1, print: t => $"{t.Item1.Length} and {t.Item2.Length} steps, cut at {t.Item3}");

    [Fact]
    public void A_file_that_counts_for_more_than_it_should_is_found() // the control
    {
        string whole = Folder(), now = Folder();
        Write(whole, [RandomKept.Fixed(9), RandomKept.Fixed(9)]);
        Write(now, [RandomKept.Fixed(9), RandomKept.Fixed(9)]);
        using (SpillPacker packer = Begin(now))
        {
            string before = Copy(now);
            PackWhatIsThere(packer);
            // The first image's directory is of an earlier moment, and the second's vouches for what the file has of both.
            string image = Path.Combine(now, SessionName, Images[0]);
            File.Delete(Path.Combine(image, "carried"));
            foreach (string file in Directory.GetFiles(Path.Combine(before, SessionName, Images[0])))
                File.Copy(file, Path.Combine(image, Path.GetFileName(file)), overwrite: true);
        }
        Assert.ThrowsAny<Exception>(() => Check(whole, Complete(now)));
    }

    [Fact]
    public void Most_of_it_is_packed_while_it_is_written()
    {
        string now = Folder();
        Write(now, [RandomKept.Fixed(9), RandomKept.Fixed(9)]);
        using (SpillPacker packer = Begin(now))
        {
            PackWhatIsThere(packer);
        }
        // The last segment stays, as somebody may write it, and what is not known to be final.
        Assert.All(Images, image => Assert.False(File.Exists(Path.Combine(now, SessionName, image, "events"))));
        using AllocReplay.Formats.Trace file = AllocReplay.Formats.Trace.Open(Path.Combine(now, FileName));
        Assert.Equal(Images.Length, file.ImageCount);
    }

    [Theory]
    [InlineData("../other.alloctrace")]
    [InlineData("")]
    [InlineData("r.txt")]
    public void A_directory_that_names_a_file_elsewhere_is_refused(string name)
    {
        string session = Path.Combine(_directory.Path, SessionName);
        Directory.CreateDirectory(session);
        new SessionInfo { PackedInto = name }.Save(session);

        Assert.Throws<TraceFormatException>(() => SpillPacker.FileOf(session));
    }

    [Fact]
    public void A_file_that_is_not_there_or_another_recording_s_is_refused()
    {
        string now = Folder(), other = Folder();
        Write(now, [RandomKept.Fixed(9), RandomKept.Fixed(9)]);
        Write(other, [RandomKept.Fixed(9), RandomKept.Fixed(9)], startedNs: 2);
        foreach (string folder in (string[])[now, other])
        {
            using SpillPacker packer = Begin(folder);
            PackWhatIsThere(packer);
        }
        File.Copy(Path.Combine(other, FileName), Path.Combine(now, FileName), overwrite: true);
        Assert.Contains("another recording", Assert.Throws<TraceFormatException>(() => Complete(now)).Message, StringComparison.Ordinal);

        File.Delete(Path.Combine(now, FileName));
        Assert.Contains("not there", Assert.Throws<TraceFormatException>(() => Complete(now)).Message, StringComparison.Ordinal);
    }

    /// <summary>What is missing, or wrong, in the directory of an image of which a part was packed.</summary>
    [Theory]
    [InlineData("carried")]
    [InlineData("process")]
    [InlineData("the first segment")]
    [InlineData("a segment between")]
    [InlineData("the directory")]
    [InlineData("packed_length 0")]
    [InlineData("packed_length -1")]
    [InlineData("packed_length 96")]
    public void Where_the_directory_and_the_file_do_not_go_together_both_stay_as_they_are(string wrong)
    {
        string now = Folder();
        Write(now, [RandomKept.Fixed(9), RandomKept.Fixed(9)]);
        using (SpillPacker packer = Begin(now))
            PackWhatIsThere(packer);
        string image = Path.Combine(now, SessionName, Images[1]), carried = Path.Combine(image, "carried");
        int[] segments = [.. EventFiles.SegmentsOf(image).Order()];
        if (segments.Length < 3) // another, so that there is one between
            File.WriteAllBytes(Path.Combine(image, EventFiles.NameOf(segments[^1] + 1)), []);
        if (segments.Length < 2)
            File.WriteAllBytes(Path.Combine(image, EventFiles.NameOf(segments[^1] + 2)), []);
        if (wrong.StartsWith("packed_length", StringComparison.Ordinal))
            Patch(carried, 40, long.Parse(wrong.Split(' ')[1], CultureInfo.InvariantCulture));
        else if (wrong == "the directory")
            Directory.Delete(image, recursive: true);
        else
            File.Delete(Path.Combine(image, wrong == "the first segment" ? EventFiles.NameOf(segments[0])
                : wrong == "a segment between" ? EventFiles.NameOf(segments[0] + 1) : wrong));
        Dictionary<string, string> before = Contents(now);

        Assert.Throws<TraceFormatException>(() => Complete(now));

        Assert.Equal(before, Contents(now));
    }

    private static void Patch(string file, int at, long value)
    {
        byte[] bytes = File.ReadAllBytes(file);
        BitConverter.TryWriteBytes(bytes.AsSpan(at), value);
        File.WriteAllBytes(file, bytes);
    }

    private static Dictionary<string, string> Contents(string folder) => Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
        .ToDictionary(f => Path.GetRelativePath(folder, f), f => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(f))));

    private static void PackWhatIsThere(SpillPacker packer)
    {
        bool any = false;
        for (int look = 0; look < Looks; look++)
            any |= packer.PackSegments(CancellationToken.None);
        Assert.True(any);
    }

    private string Folder()
    {
        string folder = _directory[$"{Guid.NewGuid():N}"];
        Directory.CreateDirectory(folder);
        return folder;
    }

    private static void Write(string folder, RandomKept.Step[][] traces, long startedNs = 1)
    {
        string session = Path.Combine(folder, SessionName);
        foreach ((string image, RandomKept.Step[] steps) in Images.Zip(traces))
            RandomKept.Write(steps).Save(Path.Combine(session, image));
        new SessionInfo { PackedInto = FileName, StartedNs = startedNs, Command = ["./program"] }.Save(session);
    }

    private static SpillPacker Begin(string folder) =>
        SpillPacker.Begin(Path.Combine(folder, SessionName), Path.Combine(folder, FileName), replace: false);

    private string Copy(string folder)
    {
        string copy = Folder();
        foreach (string file in Directory.GetFiles(folder, "*", SearchOption.AllDirectories))
        {
            string to = Path.Combine(copy, Path.GetRelativePath(folder, file));
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            using ByteSource source = ByteSource.OpenFile(file); // the runtime's own copy would ask for the writer's lock
            File.WriteAllBytes(to, source.ReadAll(int.MaxValue));
        }
        return copy;
    }

    private static string Complete(string folder)
    {
        string session = Path.Combine(folder, SessionName);
        using (SpillPacker packer = SpillPacker.Continue(session))
            packer.Complete(_ => true, () => { }, partial: false, progress: null, CancellationToken.None);
        Assert.Empty(AllocReplay.Formats.Trace.ImageDirectories(session));
        return Path.Combine(folder, FileName);
    }

    private static void Check(string whole, string file)
    {
        using AllocReplay.Formats.Trace expected = AllocReplay.Formats.Trace.Open(Path.Combine(whole, SessionName));
        using AllocReplay.Formats.Trace found = AllocReplay.Formats.Trace.Open(file);
        Assert.Equal(expected.Session, found.Session! with { Command = expected.Session!.Command });
        Assert.Equal(Images, found.Images.Select(i => i.Name).Order());
        foreach (string image in Images)
        {
            using TraceReader a = expected.OpenImage(image), b = found.OpenImage(image);
            Assert.Equal(Facts(a), Facts(b));
            Assert.Null(b.Damage);
            Assert.Null(b.Carried);
            Assert.Equal(a.Process, b.Process with { FormatVersion = a.Process.FormatVersion });
            Assert.Equal(a.Threads.Select(t => (t.OsTid, t.Name)).Order(), b.Threads.Select(t => (t.OsTid, t.Name)).Order());
            Assert.Equal(a.Intervals, b.Intervals);
            Assert.Equal(a.Markers, b.Markers);
        }
    }

    /// <summary>What each event says, and of which block. Threads are told by the kernel's numbers: the file has them in the order of their coming.</summary>
    private static List<TraceEvent> Facts(TraceReader reader)
    {
        int TidOf(int thread) => thread < 0 ? thread : (int)reader.Threads[thread].OsTid;
        var facts = new List<TraceEvent>();
        while (reader.Read(out TraceEvent e))
            facts.Add(e with { Thread = TidOf(e.Thread), OtherThread = TidOf(e.OtherThread) });
        return facts;
    }
}
