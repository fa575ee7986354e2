using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Recorder;
using AllocReplay.Tests.Support;
using Trace = AllocReplay.Formats.Trace;

namespace AllocReplay.Tests.Endtoend;

/// <summary>
/// Real programs that run, the scripts of tests/running, do the same job before <c>attach</c>, under it, and after it. Only in
/// <c>./build.sh test --all</c>; what was seen is in artifacts/running.md then, with what heaptrack's attach does to the same.
/// </summary>
[Collection(nameof(ProgramTests))]
public sealed partial class RunningProgramTests : IDisposable
{
    private const string TableHead = """
        | program | held at attach | held in all | calls | threads | of before | lost | in it | heaptrack -p |
        |---|---|---|---|---|---|---|---|---|
        """;

    private static readonly string Scripts = Path.Combine(SourceTree.Root, "tests", "running");
    private static readonly SortedDictionary<string, string> Rows = new(StringComparer.Ordinal);

    private readonly TemporaryDirectory _directory = new();

    public static TheoryData<string> Names => ProgramScript.AskedFor(Scripts);

    public void Dispose() => _directory.Dispose();

    [Theory, MemberData(nameof(Names))]
    [StartsProcesses]
    public void A_program_does_the_same_when_it_is_attached_to(string name)
    {
        Assert.SkipWhen(name == ProgramScript.NotAskedFor, "not asked for: ./build.sh running, or test --all");
        ProgramScript script = ProgramScript.Load(Path.Combine(Scripts, name + ".sh"));
        Assert.SkipWhen(script.MissingPackages().Any(), $"not installed: {string.Join(' ', script.MissingPackages())}");
        string recording = _directory["r.allocrec"], held, heldInAll;

        using (var running = new RunningScript(script, _directory))
        {
            string expected = running.Job();
            using AttachedRecorder attached = new(running.Pid, recording);
            List<(string When, string Printed)> jobs = [("attached", running.Job())];
            Control(running.Pid, "stop");
            jobs.Add(("stopped", running.Job()));
            Control(running.Pid, "start");
            jobs.Add(("started again", running.Job()));
            attached.Detach();
            jobs.Add(("detached", running.Job()));
            Assert.All(jobs, j => Assert.Equal((j.When, expected), j));
            Assert.EndsWith("0", running.End(), StringComparison.Ordinal);
            held = Held().Match(attached.Said).Groups[1].Value;
            heldInAll = HeldInAll().Match(attached.SaidAtEnd).Groups[1].Value;
        }

        ProgramRecording recorded = ProgramRecording.Of(recording);
        using Trace trace = Trace.Open(recording);
        using TraceReader reader = trace.OpenImage(trace.Images[0].Name);
        var calls = new long[3];
        while (reader.Read(out TraceEvent e))
            calls[e.Interval]++;
        Assert.Equal(2, reader.Intervals.Count);
        Assert.All(calls[1..], c => Assert.True(c > 100, $"{c} calls recorded of a job"));
        Assert.Equal(0, calls[0]); // of the job between stop and start
        Assert.Equal(0, recorded.LostEvents);
        Row(name, string.Create(CultureInfo.InvariantCulture,
            $"| {name} | {held} | {heldInAll} | {recorded.Calls:#,0} | {recorded.Threads} | {reader.Merge.InheritedReleases:#,0} | {recorded.LostEvents} | "
            + $"{reader.Process.LinkedAllocator} | {UnderHeaptrack(script)} |"));
    }

    [Fact]
    public void Each_script_says_what_it_needs() => Assert.All(ProgramScript.NamesIn(Scripts), n => ProgramScript.Load(Path.Combine(Scripts, n + ".sh")));

    /// <summary>What becomes of the same program when heaptrack attaches to it, and lets it go.</summary>
    private string UnderHeaptrack(ProgramScript script)
    {
        if (!Programs.Exists("heaptrack") || !Programs.Exists("gdb"))
            return "not installed";
        using var running = new RunningScript(script, _directory);
        string expected = running.Job();
        // In a group of its own, which is interrupted as a terminal does. Its helpers may outlive it, with what they inherited.
        using Process heaptrack = Process.Start(new ProcessStartInfo(
            "setsid", ["-w", "sh", "-c", "echo $$; exec heaptrack -o $1 -p $0 2>/dev/null", $"{running.Pid}", _directory["heaptrack"]])
        {
            RedirectStandardOutput = true,
        })!;
        int group = int.Parse(heaptrack.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture);
        try
        {
            long began = Stopwatch.GetTimestamp();
            while (heaptrack.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromMinutes(1)).GetAwaiter().GetResult() is { } line)
            {
                if (line == "injection finished")
                    break;
            }
            double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
            string attached = running.Job();
            Signals.Send(-group, Signals.Interrupt);
            bool ended = heaptrack.WaitForExit(TimeSpan.FromMinutes(1));
            string detached = running.Job();
            string what = attached != expected ? "attached: " + Change(attached) : detached != expected ? "detached: " + Change(detached) : "the same";
            long bytes = new DirectoryInfo(_directory.Path).GetFiles("heaptrack.*").Sum(f => f.Length);
            return string.Create(CultureInfo.InvariantCulture, $"{what}; {seconds:0.0} s to attach, {bytes / 1024} KiB{(ended ? "" : ", does not end")}");
        }
        catch (TimeoutException)
        {
            return "does not come to an end of attaching";
        }
        finally
        {
            if (!heaptrack.HasExited)
                Signals.Send(-group, 9);
        }
    }

    private static string Change(string printed) => printed.Split('\n')[^1];

    private static void Control(int pid, string command) => Assert.Equal(0, Programs.AllocReplay("control", $"{pid}", command).ExitCode);

    private static void Row(string name, string row)
    {
        Rows[name] = row;
        string directory = Path.Combine(SourceTree.Root, "artifacts");
        Directory.CreateDirectory(directory);
        File.WriteAllLines(Path.Combine(directory, "running.md"), Rows.Values.Prepend(TableHead));
    }

    [GeneratedRegex("of which it was held ([^;]+);")]
    private static partial Regex Held();

    [GeneratedRegex("which was held (.+) in all")]
    private static partial Regex HeldInAll();
}
