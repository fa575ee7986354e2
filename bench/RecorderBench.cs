using System.Globalization;
using AllocReplay.Formats;
using AllocReplay.Recorder;
using Spectre.Console;

namespace AllocReplay.Bench;

/// <summary><c>bench recorder</c>: nanoseconds that recording adds to a call, beside its peers.</summary>
internal static class RecorderBench
{
    private const int Blocks = 9;
    private const int CallsPerThread = 2_000_000;

    public static int Run()
    {
        string directory = Directory.CreateTempSubdirectory("allocreplay-bench-").FullName;
        try
        {
            Churn(directory);
            return 0;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static void Churn(string directory)
    {
        string churn = Compile(directory, "churn.c", "churn", "-pthread");
        string floor = Compile(directory, "floor.c", "floor.so", "-fPIC", "-shared", "-D_GNU_SOURCE");
        string count = Compile(directory, "floor.c", "count.so", "-fPIC", "-shared", "-D_GNU_SOURCE", "-DCOUNT");
        string calls = CallsPerThread.ToString(CultureInfo.InvariantCulture);
        double recordedBytesPerEvent = 0, lttngBytesPerEvent = 0;

        var candidates = new List<Candidate>
        {
            new("nothing", () => NsPerCall(Shell.Run(churn, [calls]))),
            new("count", () => NsPerCall(Shell.Run(churn, [calls], ("LD_PRELOAD", count)))),
            new("floor", () => NsPerCall(Shell.Run(churn, [calls], ("LD_PRELOAD", floor)))),
            new("record", () =>
            {
                string session = Path.Combine(directory, "churn.allocrec");
                Directory.CreateDirectory(session);
                string printed = Shell.Run(churn, [calls], ("LD_PRELOAD", Hook), ("ALLOCREPLAY_DIR", session));
                using (TraceReader reader = TraceReader.Open(session))
                    recordedBytesPerEvent = (double)reader.EventBytes / TraceStatistics.Of(reader).Events;
                Directory.Delete(session, recursive: true);
                return NsPerCall(printed);
            }),
        };
        using Lttng? lttng = Lttng.Installed ? new Lttng(directory) : null;
        if (lttng is not null)
        {
            candidates.Add(new Candidate("lttng", () =>
            {
                double ns = NsPerCall(lttng.Trace(churn, calls));
                lttngBytesPerEvent = (double)lttng.TraceBytes / (2 * CallsPerThread);
                return ns;
            }));
        }
        else
        {
            Console.Error.WriteLine("skipped: LTTng is not installed (lttng-tools, liblttng-ust-dev)");
        }
        if (Shell.Exists("heaptrack"))
            candidates.Add(new Candidate("heaptrack", () => NsPerCall(Shell.Run("heaptrack", ["-o", Path.Combine(directory, "heaptrack"), churn, calls]))));
        else
            Console.Error.WriteLine("skipped: heaptrack is not installed");

        Interleaved result = Interleaved.Run(Blocks, candidates);
        var table = new Table { Border = TableBorder.Markdown };
        table.AddColumns("churn, 2 threads", "ns/call", "added", "added / floor's", "lttng's added /", "bytes/event");
        foreach (Candidate candidate in candidates)
        {
            string name = candidate.Name;
            double added = result.Added(name, "nothing");
            table.AddRow(name, Number(result.Median(name)), Number(added), Number(added / result.Added("floor", "nothing"), "0.00"),
                lttng is null ? "" : Number(result.Added("lttng", "nothing") / added),
                name == "record" ? Number(recordedBytesPerEvent, "0.00") : name == "lttng" ? Number(lttngBytesPerEvent, "0.00") : "");
        }
        AnsiConsole.Write(table);
        AnsiConsole.WriteLine($"medians of {Blocks} interleaved runs of {CallsPerThread} calls on each thread");
    }

    private static string Hook => new RecordOptions { Command = [], Output = "" }.HookPath;

    private static double NsPerCall(string printed) =>
        double.Parse(printed.Split('\n').First(l => l.Contains("ns/call", StringComparison.Ordinal)).Split(' ')[0], CultureInfo.InvariantCulture);

    private static string Number(double value, string format = "0.0") => value.ToString(format, CultureInfo.InvariantCulture);

    private static string Compile(string directory, string source, string output, params string[] flags)
    {
        string path = Path.Combine(directory, output);
        Shell.Run("cc", ["-O2", .. flags, "-o", path, Path.Combine(SourceDirectory(), source), "-ldl"]);
        return path;
    }

    private static string SourceDirectory([System.Runtime.CompilerServices.CallerFilePath] string file = "") =>
        Path.Combine(Path.GetDirectoryName(file)!, "native");
}
