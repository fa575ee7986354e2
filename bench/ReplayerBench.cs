using System.Globalization;
using AllocReplay.Formats;
using AllocReplay.Formats.Import;
using AllocReplay.Formats.Packed;
using AllocReplay.Recorder;
using AllocReplay.Replayer;
using AllocReplay.Replayer.Compare;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Bench;

/// <summary><c>bench replayer</c>: what the harness costs beside the barest loop in C, and how replays scale with threads and order.</summary>
internal static class ReplayerBench
{
    private const int Blocks = 11;
    private const int Calls = 2_000_000;
    /// <summary>Of independent threads: long enough that where the system first puts a thread matters little.</summary>
    private const int ManyCalls = 8_000_000;
    private const int Slots = 4096;
    private const string TwoLoops = "two bare loops at once, glibc";
    private const string AndroidTrace = "ALLOCREPLAY_ANDROID_TRACE";

    private static readonly ReplayOptions AsFastAsItGoes = new() { Touch = TouchPolicy.None };

    public static int Run()
    {
        using var work = new WorkDirectory();
        AgainstBareLoop(work);
        Scaling(work, ManyCalls, [ReplayOrder.Deps], Configuration.Installed());
        Scaling(work, Calls, Enum.GetValues<ReplayOrder>(), Configuration.Parse("glibc"));
        Traces(work);
        return 0;
    }

    /// <summary>One thread, and the same trace in a loop that does nothing but call.</summary>
    private static void AgainstBareLoop(WorkDirectory work)
    {
        string lab = work["churn.rep"], trace = work["churn.alloctrace"];
        string loop = work.Compile("bare_replay.c", "bare_replay"), nothing = work.Compile("noop.c", "libnoop.so", "-shared", "-fPIC", "-fno-builtin");
        WriteChurn(lab);
        TraceImporter.Import("malloclab", lab, trace);
        using ReplayPlan plan = Compile(trace, ReplayOrder.Deps);
        Configuration glibc = Configuration.Parse("glibc")[0], noop = Configuration.Parse("noop")[0];
        double Bare(params string[] functions) => double.Parse(Shell.Run(loop, [lab, .. functions]), CultureInfo.InvariantCulture);
        Interleaved result = Interleaved.Run(Blocks,
        [
            new("bare loop, noop of its own", () => Bare("noop")),
            new("bare loop, noop in a library", () => Bare(nothing)),
            new("replay, noop", () => NsPerCall(plan, noop)),
            new("bare loop, glibc", () => Bare()),
            new(TwoLoops, () => Task.WhenAll(Task.Run(() => Bare()), Task.Run(() => Bare())).Result.Max() / 2),
            new("replay, glibc", () => NsPerCall(plan, glibc)),
        ]);
        var table = new Table { Border = TableBorder.Markdown };
        table.AddColumns("churn of one thread", "ns/call", "replay / this");
        foreach ((string replay, string[] bare) in ((string, string[])[])[
            ("replay, noop", ["bare loop, noop of its own", "bare loop, noop in a library"]), ("replay, glibc", ["bare loop, glibc"])])
        {
            foreach (string name in bare)
                table.AddRow(name, Text(result.Median(name)), Text(result.Ratio(replay, name)));
            table.AddRow(replay, Text(result.Median(replay)), "1.00");
        }
        AnsiConsole.Write(table);
        Console.WriteLine($"Medians of {Blocks} interleaved runs of {Calls:N0} calls, nothing touched.");
        Console.WriteLine($"Two bare loops at once, each a process with glibc, make {Text(result.Ratio("bare loop, glibc", TwoLoops))} times the calls "
            + "of one: what the machine's cores give.\n");
    }

    /// <summary>Threads that share nothing.</summary>
    private static void Scaling(WorkDirectory work, int calls, IReadOnlyList<ReplayOrder> orders, IReadOnlyList<Configuration> configurations)
    {
        string churn = work.Compile("churn.c", "churn", "-pthread");
        int[] threads = [1, 2, 4, 16];
        var plans = new Dictionary<(int, ReplayOrder), ReplayPlan>();
        foreach (int count in threads)
        {
            string[] command = [churn, (calls / count).ToString(CultureInfo.InvariantCulture), count.ToString(CultureInfo.InvariantCulture)];
            string trace = Record(work, $"churn{count}", command);
            foreach (ReplayOrder order in orders)
                plans[(count, order)] = Compile(trace, order);
        }
        (ReplayOrder Order, Configuration Configuration)[] rows = [.. orders.SelectMany(o => configurations.Select(c => (o, c)))];
        Interleaved result = Interleaved.Run(Blocks, [.. rows.SelectMany(row => threads.Select(count =>
            new Candidate(Name(row, count), () => Rate(plans[(count, row.Order)], row.Configuration))))]);
        var table = new Table { Border = TableBorder.Markdown };
        table.AddColumns(["M calls/s", .. threads.Select(t => t == 1 ? "1 thread" : $"{t} threads"), "2 threads / 1"]);
        foreach ((ReplayOrder Order, Configuration Configuration) row in rows)
        {
            string[] medians = [.. threads.Select(t => Text(result.Median(Name(row, t))))];
            table.AddRow([$"{Label(row.Order)}, {row.Configuration.Name}", .. medians, Text(result.Ratio(Name(row, 2), Name(row, 1)))]);
        }
        AnsiConsole.Write(table);
        Console.WriteLine($"Independent threads; medians of {Blocks} interleaved runs of {calls:N0} calls in all, nothing touched.\n");
        foreach (ReplayPlan plan in plans.Values)
            plan.Dispose();

        static string Name((ReplayOrder Order, Configuration Configuration) row, int threads) => $"{row.Configuration.Name} {threads} {row.Order}";
    }

    /// <summary>What the reduction saves, and what an order costs, on traces of programs.</summary>
    private static void Traces(WorkDirectory work)
    {
        Configuration glibc = Configuration.Parse("glibc")[0];
        var traces = new List<(string Name, string Path)> { ("churn of 16 threads", work["churn16.alloctrace"]) };
        if (Environment.GetEnvironmentVariable(AndroidTrace) is { Length: > 0 } zip)
        {
            TraceImporter.Import("android", zip, work["android.alloctrace"]);
            traces.Add(("Android system UI, 393 threads", work["android.alloctrace"]));
        }
        else
        {
            Console.Error.WriteLine($"skipped: {AndroidTrace} does not name AOSP's memory_replay/traces/systemui.zip");
        }
        var table = new Table { Border = TableBorder.Markdown };
        table.AddColumns("trace", "order", "calls", "waits", "without reduction", "M calls/s");
        foreach ((string name, string path) in traces)
        {
            foreach (ReplayOrder order in Enum.GetValues<ReplayOrder>())
            {
                using ReplayPlan plan = Compile(path, order);
                double rate = PairedStatistics.Median(Enumerable.Range(0, Blocks).Select(_ => Rate(plan, glibc)));
                table.AddRow(name, Label(order), $"{plan.Counts.Calls:N0}", $"{plan.Counts.Waits:N0}", $"{plan.Counts.UnreducedWaits:N0}", Text(rate));
            }
        }
        AnsiConsole.Write(table);
        Console.WriteLine($"Under glibc; medians of {Blocks} runs.");
    }

    /// <summary>The churn of bench/native/churn.c, of one thread, as a malloc lab trace.</summary>
    private static void WriteChurn(string path)
    {
        var random = new Random(1);
        int[] held = Enumerable.Repeat(-1, Slots).ToArray();
        var lines = new List<string>();
        int ids = 0;
        while (lines.Count < Calls)
        {
            int slot = random.Next(Slots);
            if (held[slot] >= 0)
                lines.Add($"f {held[slot]}");
            held[slot] = ids++;
            lines.Add($"a {held[slot]} {(random.Next(16) == 0 ? random.Next(16, 8193) : random.Next(16, 273))}");
        }
        using StreamWriter file = File.CreateText(path);
        file.WriteLine($"0\n{ids}\n{lines.Count}\n1");
        foreach (string line in lines)
            file.WriteLine(line);
    }

    private static string Record(WorkDirectory work, string name, params string[] command)
    {
        string recording = work[name + ".allocrec"], trace = work[name + ".alloctrace"];
        string[] silent = ["sh", "-c", "exec \"$0\" \"$@\" > /dev/null", .. command];
        RecordedCommand.Run(new RecordOptions { Force = true, Command = silent, Output = recording, Latency = true });
        File.Delete(trace);
        TracePacker.Pack(recording, trace);
        return trace;
    }

    private static ReplayPlan Compile(string trace, ReplayOrder order)
    {
        using TraceReader reader = TraceReader.Open(trace);
        return ReplayPlan.Compile(reader, new PlanOptions { Order = order });
    }

    private static double NsPerCall(ReplayPlan plan, Configuration configuration) => 1000 / Rate(plan, configuration);

    private static double Rate(ReplayPlan plan, Configuration configuration) =>
        WorkerRunner.Instance.Run(plan, configuration, AsFastAsItGoes).CallsPerSecond / 1e6;

    private static string Label(ReplayOrder order) => ValueName.Of(order);

    private static string Text(double figure) => figure.ToString("0.00", CultureInfo.InvariantCulture);
}
