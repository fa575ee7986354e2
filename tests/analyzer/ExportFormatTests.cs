using System.IO.Compression;
using System.Text;
using System.Text.Json;
using AllocReplay.Analyzer.Export;
using AllocReplay.Formats;
using AllocReplay.Formats.Stacks;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Analyzer;

/// <summary>What is in an exported file, read without the tool that it is for; whether that tool opens it, <see cref="ExportToolTests"/> asks.</summary>
public sealed class ExportFormatTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public ExportFormatTests() => StackSample.Write(_directory["r.allocrec"]);

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Pprof_has_blocks_and_bytes_locations_with_inlined_functions_and_mappings()
    {
        PprofProfile profile = PprofProfile.Of(Pprof(SelectedBlocks.Allocated));

        Assert.Equal(["alloc_objects/count", "alloc_space/bytes"], profile.SampleTypes);
        Assert.Equal("alloc_space", profile.DefaultSampleType);
        Assert.Equal("", profile.Strings[0]);
        // Those of two lines of one function are two here: pprof has the lines.
        Assert.Equal(["inner+left() < main 2 200", "right < main 1 60", "right < main 1 50", "[unknown] 1 7", "libx.so.1+0x400 < [truncated] 1 3"],
            profile.Samples.Select(s => $"{s.Stack} {s.Values[0]} {s.Values[1]}"));
        Assert.Equal(["10000-20000 /bin/test c0ffee 1111", "30000-40000 /lib/libx.so.1  0000"], profile.Mappings);
        Assert.Equal((1_700_000_000_001_000_000, 8_000_000, 1), (profile.Number(9), profile.Number(10), profile.Number(12)));
        Assert.Equal(["inuse_objects/count", "inuse_space/bytes"], PprofProfile.Of(Pprof(SelectedBlocks.Live)).SampleTypes);
    }

    [Fact]
    public void Speedscope_has_a_profile_of_bytes_and_one_of_blocks()
    {
        using JsonDocument json = JsonDocument.Parse(Speedscope(SelectedBlocks.Allocated));
        string[] frames = [.. json.RootElement.GetProperty("shared").GetProperty("frames").EnumerateArray().Select(f => f.GetProperty("name").GetString()!)];
        Assert.Equal("/src/inner.h", json.RootElement.GetProperty("shared").GetProperty("frames")[2].GetProperty("file").GetString());

        string[] profiles = [.. json.RootElement.GetProperty("profiles").EnumerateArray().Select(p =>
            $"{p.GetProperty("type")} {p.GetProperty("unit")} {p.GetProperty("startValue")} {p.GetProperty("endValue")}: " + string.Join(", ",
                p.GetProperty("samples").EnumerateArray().Zip(p.GetProperty("weights").EnumerateArray(), (stack, weight) =>
                    $"{string.Join(';', stack.EnumerateArray().Select(f => frames[f.GetInt32()]))} {weight}")))];
        Assert.Equal(
        [
            "sampled bytes 0 320: main;left();inner 200, main;right 110, [unknown] 7, [truncated];libx.so.1+0x400 3",
            "sampled none 0 6: main;left();inner 2, main;right 2, [unknown] 1, [truncated];libx.so.1+0x400 1",
        ], profiles);
    }

    [Fact]
    public void Heaptrack_has_every_call_with_its_time()
    {
        Assert.Equal("""
            v 10400 3
            X /bin/test
            I 1000 0
            c 1
            s 9 /bin/test
            s 4 main
            s b /src/main.c
            i 10100 1 2 3 a
            t 1 0
            s 5 inner
            s c /src/inner.h
            s 6 left()
            i 10200 1 4 5 3 6 3 14
            t 2 1
            a 0 2
            a 64 2
            + 1
            c 2
            s 5 right
            i 10300 1 7 3 1e
            t 3 1
            a 32 3
            + 2
            c 3
            - 1
            c 4
            + 1
            c 5
            - 1
            c 6
            s 9 [unknown]
            i 0 0 8 0 0
            t 4 0
            a 7 4
            + 3
            c 7
            - 3
            c 8
            - 2
            i 10308 1 7 3 1f
            t 5 1
            a 3c 5
            + 4
            c 9
            s b [truncated]
            i 0 0 9 0 0
            t 6 0
            s e /lib/libx.so.1
            s f libx.so.1+0x400
            i 30400 a b 0 0
            t 7 6
            a 3 7
            + 5

            """.ReplaceLineEndings("\n"), Heaptrack().Text);
    }

    /// <summary>A trace without such blocks is a file without stacks.</summary>
    [Fact]
    public void What_is_empty_is_a_whole_file()
    {
        new StackRecording(_directory["empty.allocrec"]).Free(8, 0x1000).Save();
        using TraceReader reader = TraceReader.Open(_directory["empty.allocrec"]);
        StackProfile profile = StackProfile.Read(reader, new BlockSelection(SelectedBlocks.Live));

        Assert.Equal((0, 0UL, 0L), (profile.Blocks, profile.Bytes, profile.AtNs));
        Assert.Empty(Written(o => CollapsedWriter.Write(profile, WeightUnit.Bytes, o)));
        Assert.Empty(PprofProfile.Of(Written(o => PprofWriter.Write(profile, o))).Samples);
        using JsonDocument json = JsonDocument.Parse(Written(o => SpeedscopeWriter.Write(profile, "x", o)));
        Assert.Equal(2, json.RootElement.GetProperty("profiles").GetArrayLength());
        reader.Seek(0);
        Assert.Equal("v 10400 3\nX /bin/test\nI 1000 0\n", Text(Written(o => HeaptrackWriter.Write(reader, o))));
    }

    /// <summary>Blocks of no bytes are blocks; bytes beyond 63 bits stay there.</summary>
    [Fact]
    public void Extreme_sizes_are_counted()
    {
        var recording = new StackRecording(_directory["sizes.allocrec"]);
        int none = recording.Frame(0x100, StackRecording.Start), huge = recording.Frame(0x200, StackRecording.Start);
        recording.Malloc(0, 0x1000, 0, none).Malloc(8, 0x2000, ulong.MaxValue, huge).Malloc(16, 0x3000, ulong.MaxValue, huge).Save();
        using TraceReader reader = TraceReader.Open(_directory["sizes.allocrec"]);
        StackProfile profile = StackProfile.Read(reader, new BlockSelection(SelectedBlocks.Outstanding));

        Assert.Equal("0x1ff 9223372036854775807\n", Encoding.UTF8.GetString(Written(o => CollapsedWriter.Write(profile, WeightUnit.Bytes, o))));
        Assert.Equal("0x1ff 2\n0xff 1\n", Encoding.UTF8.GetString(Written(o => CollapsedWriter.Write(profile, WeightUnit.Blocks, o))));
        Assert.Equal(["0x1ff 2 9223372036854775807", "0xff 1 0"],
            PprofProfile.Of(Written(o => PprofWriter.Write(profile, o))).Samples.Select(s => $"{s.Stack} {s.Values[0]} {s.Values[1]}"));
        Assert.Equal((3, (ulong)long.MaxValue), (profile.Blocks, profile.Bytes));
    }

    /// <summary>The control of what reads names back: a name that is written as it is, is another one then, or none.</summary>
    [Fact]
    public void Hostile_names_come_through_whole()
    {
        string[] names =
        [
            "a;b", "two\nlines", "tab\t\e[31m\u009b", "\"quoted\" 'x'", "<script>alert(1)</script>", "back\\slash \\u003B", "# comment",
            "\u202eturned", "lone \ud800 half", "\U0001f600 é", " 12", "x 34", new('y', 1 << 20),
        ];
        var recording = new StackRecording(_directory["names.allocrec"]);
        int module = recording.Module(0x10000, 0x20000, "/lib/we ird;\t.so");
        int caller = StackRecording.Start;
        for (int i = 0; i < names.Length; i++)
        {
            caller = recording.Frame(module, (uint)(0x10 * (i + 1)), caller, new FunctionLine(names[i], "", names[i], 1));
            recording.Malloc(8 * i, 0x1000 * (ulong)(i + 1), 1, caller);
        }
        recording.Save();
        using TraceReader reader = TraceReader.Open(_directory["names.allocrec"]);
        StackProfile profile = StackProfile.Read(reader, new BlockSelection(SelectedBlocks.Allocated));
        string[] stored = [.. names.Select(n => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(n)))]; // halves of characters are not stored

        string collapsed = Encoding.UTF8.GetString(Written(o => CollapsedWriter.Write(profile, WeightUnit.Blocks, o)));
        string[] lines = collapsed.TrimEnd('\n').Split('\n');
        Assert.Equal(names.Length, lines.Length);
        Assert.Equal(stored, lines[^1][..lines[^1].LastIndexOf(' ')].Split(';').Select(Unescaped));
        Assert.DoesNotContain(collapsed, c => char.IsControl(c) && c != '\n');

        Assert.Equal(string.Join(" < ", stored.Reverse()), PprofProfile.Of(Written(o => PprofWriter.Write(profile, o))).Samples[^1].Stack);

        byte[] text = Written(o => SpeedscopeWriter.Write(profile, "x", o));
        Assert.DoesNotContain(text, b => b is (byte)'<' or < 0x20 or > 0x7e); // in whatever page or script it is put
        using JsonDocument json = JsonDocument.Parse(text);
        Assert.Equal(stored, json.RootElement.GetProperty("shared").GetProperty("frames").EnumerateArray().Select(f => f.GetProperty("name").GetString()!));

        reader.Seek(0);
        byte[] heaptrack = Written(o => HeaptrackWriter.Write(reader, o));
        string[][] strings = [.. Text(heaptrack).Split('\n').Where(l => l.StartsWith("s ", StringComparison.Ordinal)).Select(l => l.Split(' ', 3))];
        Assert.Equal(["/lib/we ird;\t.so", .. stored], strings.Select(s => Unescaped(s[2])));
        Assert.All(strings, s => Assert.Equal(Convert.ToInt32(s[1], 16), Encoding.UTF8.GetByteCount(s[2])));
    }

    [Theory]
    [InlineData("plain name", "plain name")]
    [InlineData("a;b\\", "a\\u003Bb\\u005C")]
    [InlineData("##", "\\u0023#")]
    public void A_name_is_escaped_so_that_it_can_be_read_back(string name, string escaped)
    {
        Assert.Equal(escaped, EscapedName.Of(name));
        Assert.Equal(name, Unescaped(escaped));
    }

    [Fact]
    public void Half_a_character_is_escaped_and_a_whole_one_is_not()
    {
        const string name = "\ud83d\ude00\ud83d"; // no data of a theory: an attribute cannot hold it
        Assert.Equal("\ud83d\ude00\\uD83D", EscapedName.Of(name));
        Assert.Equal(name, Unescaped(EscapedName.Of(name)));
    }

    private byte[] Pprof(SelectedBlocks blocks) => Of(blocks, PprofWriter.Write);

    private byte[] Speedscope(SelectedBlocks blocks) => Of(blocks, (profile, output) => SpeedscopeWriter.Write(profile, "x", output));

    private byte[] Of(SelectedBlocks blocks, Action<StackProfile, Stream> write)
    {
        using TraceReader reader = TraceReader.Open(_directory["r.allocrec"]);
        StackProfile profile = StackProfile.Read(reader, new BlockSelection(blocks));
        return Written(o => write(profile, o));
    }

    private (string Text, HeaptrackWriter Totals) Heaptrack()
    {
        using TraceReader reader = TraceReader.Open(_directory["r.allocrec"]);
        HeaptrackWriter? totals = null;
        return (Text(Written(o => totals = HeaptrackWriter.Write(reader, o))), totals!);
    }

    private static byte[] Written(Action<Stream> write)
    {
        using var output = new MemoryStream();
        write(output);
        return output.ToArray();
    }

    private static string Text(byte[] file)
    {
        using var text = new StreamReader(new GZipStream(new MemoryStream(file), CompressionMode.Decompress), new UTF8Encoding(false, true));
        return text.ReadToEnd();
    }

    private static string Unescaped(string name) => System.Text.RegularExpressions.Regex.Replace(
        name, @"\\u([0-9A-F]{4})", m => ((char)Convert.ToInt32(m.Groups[1].Value, 16)).ToString());
}
