using System.Diagnostics;
using System.Globalization;
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
        if (Lttng.Installed)
            _lttng = new Lttng(directory);
        else
            Console.Error.WriteLine("skipped: LTTng is not installed (lttng-tools, liblttng-ust-dev)");
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
        "nothing", "stopped", "record", "sample 64",
        .. HasLttng ? ["lttng"] : Array.Empty<string>(),
        .. HasHeaptrack ? ["heaptrack"] : Array.Empty<string>(),
    ];

    /// <summary>Runs a program to its end under a recorder and returns its standard output.</summary>
    public string Run(string recorder, string file, params string[] arguments)
    {
        switch (recorder)
        {
            case "lttng":
                string traced = _lttng!.Trace(variables => Measured(file, arguments, variables), KeepAt);
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
            case "stopped" or "record" or "sample 64":
                string session = Path.Combine(_directory, "bench.allocrec");
                Directory.CreateDirectory(session);
                if (recorder == "stopped")
                    SessionSwitch.Close(session);
                (string, string)[] environment = [("LD_PRELOAD", Hook), ("ALLOCREPLAY_DIR", session)];
                string output = Measured(file, arguments, recorder == "sample 64" ? [.. environment, ("ALLOCREPLAY_SAMPLE", "64")] : environment);
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

    /// <summary>Where what a run records is moved to; null: it is deleted.</summary>
    public string? KeepAt { get; set; }

    /// <summary>Peak resident memory of the last run: the largest of its processes, in KiB.</summary>
    public long PeakKib { get; private set; }

    private string Measured(string file, string[] arguments, params (string Name, string Value)[] environment)
    {
        string peak = Path.Combine(_directory, "peak");
        string output = Shell.Run("time", ["-q", "-f", "%M", "-o", peak, "env", .. environment.Select(v => $"{v.Name}={v.Value}"), file, .. arguments]);
        PeakKib = long.Parse(File.ReadAllText(peak), CultureInfo.InvariantCulture);
        return output;
    }

    /// <summary>Called with each recording of ours before it is deleted.</summary>
    public Action<string, string>? LastSession { get; set; }

    /// <summary>Milliseconds that a run takes.</summary>
    public double Time(string recorder, string file, params string[] arguments)
    {
        long start = Stopwatch.GetTimestamp();
        Run(recorder, file, arguments);
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    public void Dispose() => _lttng?.Dispose();

    private static string Hook { get; } = new RecordOptions { Command = [], Output = "" }.HookPath;
}
