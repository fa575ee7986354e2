using System.Diagnostics;
using System.Globalization;
using AllocReplay.Formats;
using AllocReplay.Formats.Statistics;
using AllocReplay.Replayer.Compare;
using Spectre.Console;

namespace AllocReplay.Bench;

/// <summary><c>bench recorder</c>: what recording costs, beside nothing at all, the floor hook, LTTng-UST and heaptrack.</summary>
internal static class RecorderBench
{
    private const int ChurnBlocks = 9;
    private const int ProgramBlocks = 7;
    private const int CallsPerThread = 2_000_000;

    /// <summary>Interposition alone, by our own library that counts calls.</summary>
    private const string Interposed = "interposed";

    public static int Run()
    {
        using var work = new WorkDirectory();
        using var recorders = new Recorders(work.Path);
        Churn(recorders, work, threads: 1);
        Churn(recorders, work, threads: 2);
        Tail(recorders, work);
        Programs(recorders, work.Path);
        StackBench.Run(recorders, work);
        return 0;
    }

    private static void Churn(Recorders recorders, WorkDirectory work, int threads)
    {
        string churn = work.Compile("churn.c", "churn", "-pthread");
        string floor = work.Compile("floor.c", "floor.so", "-fPIC", "-shared", "-D_GNU_SOURCE");
        string count = work.Compile("floor.c", "count.so", "-fPIC", "-shared", "-D_GNU_SOURCE", "-DCOUNT");
        string[] calls = [CallsPerThread.ToString(CultureInfo.InvariantCulture), threads.ToString(CultureInfo.InvariantCulture)];
        var others = new Dictionary<string, List<double>>();
        var bytesPerEvent = new Dictionary<string, double>();
        var peaks = new Peaks(recorders);
        recorders.LastSession = (name, session) =>
        {
            if (name == "stopped")
                return;
            using TraceReader reader = TraceReader.Open(session);
            bytesPerEvent[name] = (double)reader.EventBytes / TraceStatistics.Of(reader).Events;
        };
        List<Candidate> candidates =
        [
            new("count", () => ChurnFigures.NsPerCall(Shell.Run(churn, calls, ("LD_PRELOAD", count)))),
            new("floor", () => ChurnFigures.NsPerCall(Shell.Run(churn, calls, ("LD_PRELOAD", floor)))),
            new(Interposed, () => ChurnFigures.NsPerCall(Shell.Run(
                churn, calls, ("LD_PRELOAD", Path.Combine(AppContext.BaseDirectory, "liballocreplay-counting.so"))))),
            .. recorders.Names.Select(name => new Candidate(name, () => peaks.Of(name, () =>
            {
                double ns = ChurnFigures.NsPerCall(recorders.Run(name, churn, calls));
                if (!others.TryGetValue(name, out List<double>? seconds))
                    others.Add(name, seconds = []);
                seconds.Add(recorders.OtherSeconds);
                return ns;
            }))),
        ];
        Interleaved result = Interleaved.Run(ChurnBlocks, candidates);
        double allCalls = (double)threads * CallsPerThread;
        if (recorders.HasLttng)
            bytesPerEvent["lttng"] = recorders.BytesLeft["lttng"] / allCalls;

        var table = new Table { Border = TableBorder.Markdown };
        table.AddColumns(
            Quantity(threads), "ns/call", "added ns", "added / floor's", "lttng's added / this", "other process, ns/call", "bytes/event", "peak extra RSS");
        foreach (string name in candidates.Select(c => c.Name).OrderBy(n => result.Median(n)))
        {
            double added = result.Added(name, "nothing");
            bool recorded = name is not ("nothing" or "count" or "floor" or "stopped" or Interposed);
            table.AddRow(name, Number(result.Median(name)), Number(added),
                name == "nothing" ? "" : Number(added / result.Added("floor", "nothing"), "0.00"),
                recorders.HasLttng && recorded ? Number(result.Added("lttng", "nothing") / added) : "",
                others.TryGetValue(name, out List<double>? seconds) && seconds.Max() > 0 ? Number(PairedStatistics.Median(seconds) * 1e9 / allCalls) : "",
                bytesPerEvent.TryGetValue(name, out double bytes) ? Number(bytes, "0.00") : "",
                peaks.Extra(name));
        }
        AnsiConsole.Write(table);
        AnsiConsole.WriteLine($"medians of {ChurnBlocks} interleaved runs of {CallsPerThread} calls on each thread; a sample over {Interposed}, ns/call: "
            + string.Join(", ", recorders.Names.Where(n => n.StartsWith("sample ", StringComparison.Ordinal))
                .Select(n => $"{n} {Number(result.Added(n, Interposed))}")) + "\n");
        recorders.LastSession = null;
    }

    private static string Quantity(int threads) => threads == 1 ? "churn, 1 thread" : $"churn, {threads} threads";

    /// <summary>How long single calls take: what is rare does not show in a mean.</summary>
    private static void Tail(Recorders recorders, WorkDirectory work)
    {
        string churn = work.Compile("churn.c", "churn", "-pthread"), burn = work.Compile("burn.c", "burn");
        string[] arguments = [CallsPerThread.ToString(CultureInfo.InvariantCulture), "2", "tail"];
        _ = recorders.Run("record", churn, arguments);
        double share = recorders.OtherSeconds / recorders.Elapsed.TotalSeconds * 100;
        const string burning = "nothing, beside as much CPU as the drain's";
        string[] names = [.. recorders.Names.Where(n => n is not ("stopped" or "sample 64" or "sample 512K"))];
        var times = names.Append(burning).ToDictionary(n => n, _ => new List<double[]>());
        Interleaved.Run(ProgramBlocks, [.. names.Select(n => new Candidate(n, () => Keep(n, recorders.Run(n, churn, arguments)))), new(burning, Burn)]);

        string[] columns = ["p50", "p90", "p99", "p99.9", "p99.99", "max"];
        var table = new Table { Border = TableBorder.Markdown };
        table.AddColumns(["a call's own time, ns; churn, 2 threads", .. columns]);
        foreach ((string name, List<double[]> runs) in times)
            table.AddRow([name, .. columns.Select((_, i) => Number(PairedStatistics.Median([.. runs.Select(r => r[i])]), "0"))]);
        AnsiConsole.Write(table);
        AnsiConsole.WriteLine(
            $"medians of {ProgramBlocks} interleaved runs, the counter's own cost included; the drain takes {Number(share)} % of a processor\n");

        double Keep(string name, string printed)
        {
            double[] figures = [.. printed.Split('\n').First(l => l.StartsWith("tail ", StringComparison.Ordinal)).Split(' ')[1..]
                .Select(f => double.Parse(f, CultureInfo.InvariantCulture))];
            times[name].Add(figures);
            return figures[0];
        }

        double Burn()
        {
            using var other = Process.Start(burn, [Number(share)]);
            string printed = Shell.Run(churn, arguments);
            other.Kill();
            other.WaitForExit();
            return Keep(burning, printed);
        }
    }

    private static void Programs(Recorders recorders, string directory)
    {
        string source = Path.Combine(directory, "large.c");
        File.WriteAllLines(source, Enumerable.Range(0, 400).Select(i =>
            $"int f{i}(int *a, int n) {{ int s = {i}; for (int k = 0; k < n; k++) s += a[k] * {i + 3} ^ (s >> (k & 7)); return s; }}"));
        var table = new Table { Border = TableBorder.Markdown };
        table.AddColumns(["wall time / nothing, peak extra RSS", .. recorders.Names.Skip(1)]);
        AddRow("gcc -O2 of a large file", name => recorders.Time(name, "gcc", "-O2", "-c", source, "-o", Path.Combine(directory, "large.o")));
        // The interpreter itself: python3 may be a launcher that starts many processes of its own.
        string python = Shell.Run("python3", ["-c", "import sys; print(sys.executable)"]).Trim();
        AddRow("python3, JSON on two threads", name => recorders.Time(name, python, "-c", PythonWorkload));
        if (Shell.Exists("redis-benchmark"))
            AddRow("redis-benchmark set+get", name => RedisBench.SecondsPerMillion(recorders, name, directory));
        else
            Console.Error.WriteLine("skipped: redis is not installed (redis-tools)");
        AnsiConsole.Write(table);
        AnsiConsole.WriteLine($"medians of {ProgramBlocks} interleaved runs; throughput is the inverse");

        void AddRow(string title, Func<string, double> run)
        {
            var peaks = new Peaks(recorders);
            Interleaved result = Interleaved.Run(ProgramBlocks, [.. recorders.Names.Select(n => new Candidate(n, () => peaks.Of(n, () => run(n))))]);
            table.AddRow([title, .. recorders.Names.Skip(1).Select(n => $"{Number(result.Ratio(n, "nothing"), "0.000")} {peaks.Extra(n)}")]);
        }
    }

    /// <summary>Peak resident memory by recorder: the median of its runs.</summary>
    private sealed class Peaks(Recorders recorders)
    {
        private readonly Dictionary<string, List<double>> _kib = [];

        public double Of(string name, Func<double> run)
        {
            double figure = run();
            if (!_kib.TryGetValue(name, out List<double>? peaks))
                _kib.Add(name, peaks = []);
            peaks.Add(recorders.PeakKib);
            return figure;
        }

        /// <summary>What a recorder needs above nothing, in MiB; empty for nothing itself, and for what was not measured.</summary>
        public string Extra(string name) =>
            name != "nothing" && _kib.TryGetValue(name, out List<double>? peaks)
                ? $"{Number((PairedStatistics.Median(peaks) - PairedStatistics.Median(_kib["nothing"])) / 1024, "+0.0;-0.0")} MiB"
                : "";
    }

    private const string PythonWorkload = """
        import json, threading
        def work():
            for _ in range(300):
                json.loads(json.dumps({str(i): list(range(20)) for i in range(100)}))
        threads = [threading.Thread(target=work) for _ in range(2)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        """;

    private static string Number(double value, string format = "0.0") => value.ToString(format, CultureInfo.InvariantCulture);
}
