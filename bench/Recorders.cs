using System.Diagnostics;
using System.Globalization;
using AllocReplay.Formats;
using AllocReplay.Recorder;

namespace AllocReplay.Bench;

/// <summary>The ways to run a program: bare, under our recorder, and under its peers. Each leaves nothing behind.</summary>
internal sealed class Recorders : IDisposable
{
    private readonly string _directory;
    private readonly Lttng? _lttng;

    public Recorders(string directory)
    {
        _directory = directory;
        if (Lttng.WhyNot is { } why)
            Console.Error.WriteLine($"skipped: {why}");
        else
            _lttng = new Lttng(directory);
        HasHeaptrack = Shell.Exists("heaptrack");
        if (!HasHeaptrack)
            Console.Error.WriteLine("skipped: heaptrack is not installed");
    }

    public bool HasLttng => _lttng is not null;

    public bool HasHeaptrack { get; }

    /// <summary>Bytes that the last recorded run left, by recorder.</summary>
    public Dictionary<string, long> BytesLeft { get; } = [];

    /// <summary>Names of the recorders that are here, <c>nothing</c> first.</summary>
    public IReadOnlyList<string> Names =>
    [
        "nothing", "stopped", "record", "files", "sample 64", "sample 512K",
        .. HasLttng ? ["lttng"] : Array.Empty<string>(),
        .. HasHeaptrack ? ["heaptrack"] : Array.Empty<string>(),
    ];

    /// <summary>Runs a program to its end under a recorder and returns its standard output.</summary>
    public string Run(string recorder, string file, params string[] arguments)
    {
        switch (recorder)
        {
            case "lttng":
                double before = Lttng.ConsumerSeconds;
                string traced = _lttng!.Trace(variables => Measured(file, arguments, variables), KeepAt);
                OtherSeconds = Lttng.ConsumerSeconds - before;
                BytesLeft[recorder] = _lttng.TraceBytes;
                return traced;
            case "heaptrack":
                string prefix = Path.Combine(_directory, "heaptrack");
                string printed = Measured("heaptrack", ["-o", prefix, file, .. arguments]);
                foreach (string left in Directory.GetFiles(_directory, "heaptrack.*"))
                {
                    BytesLeft[recorder] = new FileInfo(left).Length;
                    File.Delete(left);
                }
                return printed;
            case "stopped" or "record" or "files" or "sample 64" or "sample 512K" or "record fp" or "record cfi":
                string session = Path.Combine(_directory, "bench.allocrec");
                string output = recorder == "files" ? WithFiles(session, file, arguments) : WithDrain(recorder, session, file, arguments);
                BytesLeft[recorder] = Shell.DirectorySize(session);
                LastSession?.Invoke(recorder, session);
                if (KeepAt is null)
                    Directory.Delete(session, recursive: true);
                else
                    Directory.Move(session, KeepAt);
                return output;
            default:
                return Measured(file, arguments);
        }
    }

    /// <summary>As <c>record</c> does it.</summary>
    private string WithDrain(string recorder, string session, string file, string[] arguments)
    {
        RecordSession recording = RecordSession.Begin(new RecordOptions
        {
            Command = [file, .. arguments],
            Output = session,
            StartPaused = recorder == "stopped",
            Sample = recorder switch
            {
                "sample 64" => new Sampling(SampleScheme.Blocks, 64),
                "sample 512K" => new Sampling(SampleScheme.Bytes, 512 << 10),
                _ => Sampling.None,
            },
            Stacks = recorder switch
            {
                "record fp" => StackWalk.FramePointers,
                "record cfi" => StackWalk.FrameInformation,
                _ => StackWalk.None,
            },
        });
        string output = Measured(file, arguments,
            [("LD_PRELOAD", recording.HookPath), .. recording.Environment.Select(v => (v[..v.IndexOf('=')], v[(v.IndexOf('=') + 1)..]))]);
        OtherSeconds = Shell.SecondsOf("allocreplay-drain");
        recording.Close(pid: 0, exitCode: 0);
        return output;
    }

    /// <summary>With the hook preloaded by hand: the threads write.</summary>
    private string WithFiles(string session, string file, string[] arguments)
    {
        Directory.CreateDirectory(session);
        return Measured(file, arguments, ("LD_PRELOAD", Hook), ("ALLOCREPLAY_DIR", session));
    }

    /// <summary>Processor time that another process took for the last run, in seconds: the drain, LTTng's consumers. 0: none, or not known.</summary>
    public double OtherSeconds { get; private set; }

    /// <summary>Where what a run records is moved to; null: it is deleted.</summary>
    public string? KeepAt { get; set; }

    /// <summary>Peak resident memory of the last run: the largest of its processes, in KiB.</summary>
    public long PeakKib { get; private set; }

    private string Measured(string file, string[] arguments, params (string Name, string Value)[] environment)
    {
        string peak = Path.Combine(_directory, "peak");
        OtherSeconds = 0;
        long start = Stopwatch.GetTimestamp();
        string output = Shell.Run("time", ["-q", "-f", "%M", "-o", peak, "env", .. environment.Select(v => $"{v.Name}={v.Value}"), file, .. arguments]);
        Elapsed = Stopwatch.GetElapsedTime(start);
        PeakKib = long.Parse(File.ReadAllText(peak), CultureInfo.InvariantCulture);
        return output;
    }

    /// <summary>Called with each recording of ours before it is deleted.</summary>
    public Action<string, string>? LastSession { get; set; }

    /// <summary>What the program of the last run took, without the recorder's own start and end.</summary>
    public TimeSpan Elapsed { get; private set; }

    /// <summary>Milliseconds that a program takes under a recorder.</summary>
    public double Time(string recorder, string file, params string[] arguments)
    {
        Run(recorder, file, arguments);
        return Elapsed.TotalMilliseconds;
    }

    public void Dispose() => _lttng?.Dispose();

    private static string Hook { get; } = new RecordOptions { Command = [], Output = "" }.HookPath;
}
