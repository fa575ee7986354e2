using System.Diagnostics;
using System.Globalization;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Packed;
using Spectre.Console;

namespace AllocReplay.Bench;

/// <summary><c>bench formats</c>: how small traces are and how fast they are packed and read, beside LTTng's and babeltrace2.</summary>
internal static class FormatsBench
{
    private const int Blocks = 5;
    private const int CallsPerThread = 2_000_000;

    public static int Run()
    {
        using var work = new WorkDirectory();
        using var recorders = new Recorders(work.Path);
        if (!Shell.Exists("babeltrace2"))
            Console.Error.WriteLine("skipped: babeltrace2 is not installed");
        string churn = work.Compile("churn.c", "churn", "-pthread");
        Measure("churn, 2 threads", work, recorders, name => recorders.Run(name, churn, CallsPerThread.ToString(CultureInfo.InvariantCulture)));
        if (Shell.Exists("redis-benchmark"))
            Measure("redis under set and get", work, recorders, name => RedisBench.SecondsPerMillion(recorders, name, work.Path));
        else
            Console.Error.WriteLine("skipped: redis is not installed (redis-tools)");
        return 0;
    }

    private static void Measure(string title, WorkDirectory work, Recorders recorders, Action<string> run)
    {
        string recording = work["formats.allocrec"], pack = work["formats.alloctrace"], lttng = work["formats.lttng"];
        recorders.KeepAt = recording;
        run("record");
        long lttngEvents = 0;
        if (recorders.HasLttng)
        {
            recorders.KeepAt = lttng;
            run("lttng");
        }
        recorders.KeepAt = null;
        long events = TracePacker.Pack(recording, pack).Events;
        double directoryBytes;
        using (TraceReader reader = TraceReader.Open(recording))
            directoryBytes = reader.EventBytes;

        List<Candidate> candidates =
        [
            new("pack, all cores", () => Rate(events, () => TracePacker.Pack(recording, pack))),
            new("pack, one core", () => OnOneCore(() => Rate(events, () => TracePacker.Pack(recording, pack)))),
            new("read and merge the pack, one core", () => OnOneCore(() => Rate(events, () => ReadMerged(pack)))),
            new("read and merge the directory, one core", () => OnOneCore(() => Rate(events, () => ReadMerged(recording)))),
            new("read the pack for its calls, one core", () => OnOneCore(() => Rate(events, () => ReadCalls(pack)))),
            new("read the pack by thread, all cores", () => Rate(events, () => ReadThreads(pack))),
        ];
        bool peer = recorders.HasLttng && Shell.Exists("babeltrace2");
        if (peer)
        {
            lttngEvents = Count(lttng);
            candidates.Add(new("babeltrace2, counting", () => Rate(lttngEvents, () => Count(lttng))));
            candidates.Add(new("babeltrace2, text", () => Rate(lttngEvents, () => Shell.Run("sh", ["-c", $"babeltrace2 '{lttng}' > /dev/null"]))));
        }
        Interleaved result = Interleaved.Run(Blocks, candidates);

        var sizes = new Table { Border = TableBorder.Markdown };
        sizes.AddColumns(title, "events", "bytes/event");
        AddSize("recording directory", events, directoryBytes);
        AddSize("packed trace", events, new FileInfo(pack).Length);
        if (lttngEvents > 0)
            AddSize("LTTng trace", lttngEvents, Shell.DirectorySize(lttng));
        AnsiConsole.Write(sizes);
        var rates = new Table { Border = TableBorder.Markdown };
        rates.AddColumns(title, "M events/s", "/ babeltrace2 counting", "/ babeltrace2 text");
        foreach (Candidate candidate in candidates)
        {
            rates.AddRow(candidate.Name, Number(result.Median(candidate.Name)),
                peer ? Number(result.Ratio(candidate.Name, "babeltrace2, counting")) : "",
                peer ? Number(result.Ratio(candidate.Name, "babeltrace2, text")) : "");
        }
        AnsiConsole.Write(rates);
        AnsiConsole.WriteLine($"medians of {Blocks} interleaved runs\n");
        Directory.Delete(recording, recursive: true);
        if (Directory.Exists(lttng))
            Directory.Delete(lttng, recursive: true);

        void AddSize(string name, long count, double bytes) =>
            sizes.AddRow(name, count.ToString("N0", CultureInfo.InvariantCulture), Number(bytes / count, "0.00"));
    }

    /// <summary>Million events a second.</summary>
    private static double Rate(long events, Action work)
    {
        long start = Stopwatch.GetTimestamp();
        work();
        return events / Stopwatch.GetElapsedTime(start).TotalMicroseconds;
    }

    private static double OnOneCore(Func<double> run)
    {
        using Process self = Process.GetCurrentProcess();
        nint all = self.ProcessorAffinity;
        self.ProcessorAffinity = 1;
        try
        {
            return run();
        }
        finally
        {
            self.ProcessorAffinity = all;
        }
    }

    private static void ReadMerged(string path)
    {
        using TraceReader reader = TraceReader.Open(path);
        while (reader.Read(out _))
        {
        }
    }

    /// <summary>As statistics, plans and analyses are told of a trace.</summary>
    private static void ReadCalls(string path)
    {
        using TraceReader reader = TraceReader.Open(path);
        reader.ForEach([new Nothing()]);
    }

    private static void ReadThreads(string path)
    {
        using TraceReader reader = TraceReader.Open(path);
        Parallel.For(0, reader.Threads.Count, t =>
        {
            foreach (TraceEvent _ in reader.ReadThread(t))
            {
            }
        });
    }

    /// <summary>Events in an LTTng trace, by the cheapest sink there is.</summary>
    internal static long Count(string trace)
    {
        string printed = Shell.Run("babeltrace2", [trace, "-c", "sink.utils.counter"]);
        string line = printed.Split('\n').Last(l => l.Contains("Event messages", StringComparison.Ordinal)); // it counts aloud on the way
        return long.Parse(line.Trim().Split(' ')[0].Replace(",", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
    }

    private static string Number(double value, string format = "0.0") => value.ToString(format, CultureInfo.InvariantCulture);

    /// <summary>The cheapest sink there is.</summary>
    private sealed class Nothing : ITraceSink
    {
        public void Begin(in TraceEvent begin)
        {
        }

        public void Add(in TraceCall call)
        {
        }

        public void Add(in ThreadEvent e)
        {
        }
    }
}
