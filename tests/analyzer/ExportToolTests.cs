using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using AllocReplay.Analyzer.Export;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Statistics;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Analyzer;

/// <summary>The tools that exported files are for open them, and their totals are ours.</summary>
[StartsProcesses]
public sealed partial class ExportToolTests : IDisposable
{
    private const string Speedscope = "speedscope@1.25.0";

    /// <summary>Of a random trace.</summary>
    private const int Seed = 7, Calls = 3000;

    private readonly TemporaryDirectory _directory = new();

    public ExportToolTests() => StackSample.Write(_directory["r.allocrec"]);

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(SelectedBlocks.Allocated, "alloc_space", 320, "200B inner|200B left()|310B main|7B [unknown]")]
    [InlineData(SelectedBlocks.Live, "inuse_space", 150, "100B inner|100B left()|150B main")]
    [InlineData(SelectedBlocks.Outstanding, "inuse_space", 63, "60B right|60B main|3B libx.so.1+0x400|3B [truncated]")]
    public void Go_opens_pprof(SelectedBlocks blocks, string type, int bytes, string cumulated)
    {
        Programs.Need("go");
        string file = Write("x.pb.gz", blocks, PprofWriter.Write);

        ProgramResult top = Go("-top", "-cum", "-unit=B", file);

        Assert.Matches($@"(?m)^Type: {type}$", top.Output);
        Assert.Contains($"of {bytes}B total", top.Output, StringComparison.Ordinal);
        foreach (string[] line in cumulated.Split('|').Select(l => l.Split(' ', 2)))
            Assert.Matches($@"(?m) {line[0]} +[0-9.]+% +{Regex.Escape(line[1])}( \(inline\))?$", top.Output);
        Assert.Contains($"of {Read(blocks).Blocks} total", Go("-top", "-sample_index=0", file).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Go_opens_pprof_without_samples_and_with_hostile_names()
    {
        Programs.Need("go");
        var recording = new StackRecording(_directory["names.allocrec"]);
        int frame = recording.Frame(0x10000, StackRecording.Start);
        int module = recording.Module(0x20000, 0x30000, "/lib/a\";\u0001.so", "zz");
        frame = recording.Frame(module, 16, frame, new("a;\"\n\u0001<b>", "", "", 0), new(new string('y', 1 << 20), "", "/x\ny", 7));
        recording.Malloc(0, 0x1000, 5, frame).Save();
        string file = Write("x.pb.gz", SelectedBlocks.Allocated, PprofWriter.Write, "names.allocrec");
        Assert.Contains("of 5B total", Go("-top", "-unit=B", file).Output, StringComparison.Ordinal);

        string empty = Write("empty.pb.gz", SelectedBlocks.Allocated, PprofWriter.Write, Empty());
        Assert.Contains("of 0 total", Go("-top", empty).Output, StringComparison.Ordinal);

        File.WriteAllBytes(file, File.ReadAllBytes(file)[..^20]); // the control
        Assert.NotEqual(0, Programs.Run("go", ["tool", "pprof", "-top", file]).ExitCode);
    }

    /// <summary>
    /// Blocks, bytes at the peak and bytes never freed are the same, stack by stack. Temporary ones are not: heaptrack calls a block so when the call
    /// before its release, of any thread, acquired one of the same size and stack; we look at the thread, and at the block itself.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Heaptrack_has_our_totals(bool random)
    {
        Programs.Need("heaptrack_print");
        string recording = random ? RandomRecording() : _directory["r.allocrec"];
        using TraceReader reader = TraceReader.Open(recording);
        string file = _directory["x.gz"];
        HeaptrackWriter written = OutputFileWriter.Write(file, replace: false, output => HeaptrackWriter.Write(reader, output));
        reader.Seek(0);
        TraceStatistics statistics = TraceStatistics.Of(reader);
        Assert.Equal((statistics.Acquisitions, statistics.BytesAcquired), (written.Blocks, written.Bytes));

        Assert.Equal(statistics.Acquisitions, Sum(HeaptrackStacks(file, "allocations")));
        Assert.Equal((long)statistics.LiveBytes, Sum(HeaptrackStacks(file, "leaked")));
        Assert.Equal((long)statistics.PeakLiveBytes, Sum(HeaptrackStacks(file, "peak")));
        long temporary = TemporaryToHeaptrack(recording);
        Assert.Equal(temporary, Sum(HeaptrackStacks(file, "temporary")));
        Assert.NotEqual(temporary, statistics.TemporaryBlocks);
        string said = Programs.Run("heaptrack_print", [file]).Output;
        Assert.Contains($"calls to allocation functions: {statistics.Acquisitions} ", said, StringComparison.Ordinal);
        Assert.Contains($"temporary memory allocations: {temporary} ", said, StringComparison.Ordinal);
        if (random)
            return;
        Assert.Contains("total memory leaked: 63B\n", said, StringComparison.Ordinal);
        Assert.Contains("peak heap memory consumption: 150B\n", said, StringComparison.Ordinal);
        Assert.Equal((2, 1), (temporary, statistics.TemporaryBlocks)); // to heaptrack, that which another thread freed is one
        // In this list, of its own recordings too, heaptrack has functions that were inlined in the place of their frame, the innermost first.
        Assert.Equal(["main (main.c);inner (inner.h);left() (main.c); 100", "main (main.c);right (main.c); 50"],
            HeaptrackStacks(file, "peak").Where(l => !l.EndsWith(" 0", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Heaptrack_opens_a_history_without_blocks_and_one_of_hostile_names()
    {
        Programs.Need("heaptrack_print");
        string file = _directory["x.gz"];
        WriteHeaptrack(Empty(), file);
        Assert.Contains("calls to allocation functions: 0 ", Programs.Run("heaptrack_print", [file]).Output, StringComparison.Ordinal);

        var recording = new StackRecording(_directory["names.allocrec"]);
        int module = recording.Module(0x20000, 0x30000, "/lib/a\";\u0001.so");
        int frame = recording.Frame(module, 16, StackRecording.Start, new("a;\"\n\u0001<b>", "", "", 0), new(new string('y', 1 << 20), "", "/x\ny", 7));
        recording.Malloc(0, 0x1000, 5, frame).Save();
        WriteHeaptrack("names.allocrec", file);
        Assert.Equal([$"a\\u003B\"\\u000A\\u0001<b>;{new string('y', 1 << 20)} (x\\u000Ay); 5"], HeaptrackStacks(file, "leaked"));
    }

    [Fact]
    public void Speedscope_opens_both_profiles()
    {
        Programs.Need("npm", "node", "chromium");
        ProgramResult install = Programs.Run("npm", ["install", "--no-audit", "--no-fund", "--prefix", _directory["npm"], Speedscope]);
        Assert.SkipUnless(install.ExitCode == 0, $"{Speedscope} cannot be installed by npm");
        string file = Write("x.json", SelectedBlocks.Allocated, (profile, output) => SpeedscopeWriter.Write(profile, "the name", output));
        string empty = Write("empty.json", SelectedBlocks.Allocated, (profile, output) => SpeedscopeWriter.Write(profile, "the name", output), Empty());

        string shown = Shown(File.ReadAllText(file));
        Assert.Contains("title=\"the name: bytes\"", shown, StringComparison.Ordinal);
        Assert.Equal(["320 B", "6"], TotalWeight().Matches(shown).Select(m => m.Groups[1].Value));
        Assert.Equal(2, TotalWeight().Count(Shown(File.ReadAllText(empty))));
        Assert.Empty(TotalWeight().Matches(Shown(File.ReadAllText(file).Replace("\"samples\"", "\"sample\"", StringComparison.Ordinal)))); // the control
    }

    private string Empty()
    {
        new StackRecording(_directory["empty.allocrec"]).Free(8, 0x1000).Save();
        return "empty.allocrec";
    }

    /// <summary>What is on speedscope's page when it was opened as its own command opens it.</summary>
    private string Shown(string profile)
    {
        string script = _directory["profile.js"];
        string base64 = Convert.ToBase64String(Encoding.UTF8.GetBytes(profile));
        File.WriteAllText(script, $"speedscope.loadFileFromBase64(\"x.json\", \"{base64}\")");
        string page = Path.Combine(_directory["npm"], "node_modules/speedscope/dist/release/index.html");
        return Programs.Run("timeout", ["120", "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
            $"--user-data-dir={_directory["browser"]}", "--virtual-time-budget=20000", "--dump-dom", $"file://{page}#localProfilePath={script}"]).Output;
    }

    private string RandomRecording()
    {
        var random = new Random(Seed);
        var recording = new StackRecording(_directory["random.allocrec"]);
        int module = recording.Module(0x10000, 0x80000, "/bin/test");
        int[] stacks = [0, .. Enumerable.Range(1, 20).Select(
            i => recording.Frame(module, (uint)(16 * i), i % 5 == 0 ? StackRecording.Cut : StackRecording.Start))];
        var live = new List<ulong>();
        for (int i = 1; i <= Calls; i++)
        {
            int thread = random.Next(3);
            long ns = i * 80_000L;
            ulong address = 0x100000 + 0x1000 * (ulong)i;
            int victim = random.Next(live.Count + 1);
            if (victim == live.Count || random.Next(5) < 2)
            {
                recording.Malloc(ns, address, (ulong)random.Next(4) * 100, stacks[random.Next(stacks.Length)], thread);
                live.Add(address);
            }
            else if (random.Next(5) == 0)
            {
                recording.Realloc(ns, live[victim], address, (ulong)random.Next(1, 9) * 50, stacks[random.Next(stacks.Length)], thread);
                live[victim] = address;
            }
            else
            {
                // The latest, often: that is what temporary blocks come from.
                victim = random.Next(2) == 0 ? live.Count - 1 : victim;
                recording.Free(ns, live[victim], thread);
                live.RemoveAt(victim);
            }
        }
        recording.Save();
        return _directory["random.allocrec"];
    }

    private static long TemporaryToHeaptrack(string recording)
    {
        using TraceReader reader = TraceReader.Open(recording);
        var live = new Dictionary<long, (ulong, int)>();
        (ulong, int)? last = null;
        long temporary = 0;
        foreach (TraceCall call in reader.ReadCalls())
        {
            if (call.Released >= 0 && live.Remove(call.Released, out (ulong, int) kind))
            {
                temporary += last == kind ? 1 : 0;
                last = null;
            }
            if (call.Acquired >= 0)
                live[call.Acquired] = (last = (call.BytesRequested, call.Stack)).Value;
        }
        return temporary;
    }

    private string[] HeaptrackStacks(string file, string cost)
    {
        string stacks = _directory["stacks.txt"];
        ProgramResult result = Programs.Run("heaptrack_print",
            ["--disable-builtin-suppressions", "--flamegraph-cost-type", cost, "--shorten-templates=0", "-F", stacks, "-f", file]);
        Assert.True(result.ExitCode == 0, result.Error);
        return File.ReadAllLines(stacks);
    }

    private static long Sum(string[] stacks) => stacks.Sum(l => long.Parse(l[(l.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));

    private void WriteHeaptrack(string recording, string file)
    {
        using TraceReader reader = TraceReader.Open(_directory[recording]);
        OutputFileWriter.Write(file, replace: true, output => HeaptrackWriter.Write(reader, output));
    }

    private static ProgramResult Go(params string[] arguments)
    {
        ProgramResult result = Programs.Run("go", ["tool", "pprof", .. arguments]);
        Assert.True(result.ExitCode == 0, result.Error);
        return result;
    }

    private string Write(string name, SelectedBlocks blocks, Action<StackProfile, Stream> write, string recording = "r.allocrec")
    {
        StackProfile profile = Read(blocks, recording);
        return OutputFileWriter.Write(_directory[name], replace: false, output =>
        {
            write(profile, output);
            return _directory[name];
        });
    }

    private StackProfile Read(SelectedBlocks blocks, string recording = "r.allocrec")
    {
        using TraceReader reader = TraceReader.Open(_directory[recording]);
        return StackProfile.Read(reader, new BlockSelection(blocks));
    }

    // The last column of the list of profiles.
    [GeneratedRegex("<td class=\"[^\"]*\"><span>the name: [a-z]+</span></td><td class=\"[^\"]*\">([^<]*)</td>")]
    private static partial Regex TotalWeight();
}
