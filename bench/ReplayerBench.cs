using System.Globalization;
using AllocReplay.Formats;
using AllocReplay.Recorder;
using AllocReplay.Replayer;
using Spectre.Console;

namespace AllocReplay.Bench;

/// <summary><c>bench replayer</c>: what the harness costs beside the barest loop in C, and how replays scale with threads and order.</summary>
internal static class ReplayerBench
{
    private const int Blocks = 11;
    private const int Calls = 2_000_000;
    private const int Slots = 4096;
    private const string AndroidTrace = "ALLOCREPLAY_ANDROID_TRACE";

    private static readonly ReplayOptions AsFastAsItGoes = new() { Touch = TouchPolicy.None };

    public static int Run()
    {
        using var work = new WorkDirectory();
        AgainstBareLoop(work);
        Scaling(work);
        Traces(work);
        return 0;
    }

    /// <summary>One thread, and the same trace in a loop that does nothing but call.</summary>
    private static void AgainstBareLoop(WorkDirectory work)
    {
        string lab = work["churn.rep"], trace = work["churn.alloctrace"], loop = work.Compile("bare_replay.c", "bare_replay");
        WriteChurn(lab);
        TraceImporter.Import("malloclab", lab, trace);
        using ReplayPlan plan = Compile(trace, PlanOrder.Deps);
        Allocator glibc = AllocatorCatalog.Parse("glibc")[0], noop = AllocatorCatalog.Parse("noop")[0];
        Interleaved result = Interleaved.Run(Blocks,
        [
            new("bare loop, noop", () => double.Parse(Shell.Run(loop, [lab, "noop"]), CultureInfo.InvariantCulture)),
            new("replay, noop", () => NsPerCall(plan, noop)),
            new("bare loop, glibc", () => double.Parse(Shell.Run(loop, [lab, "malloc"]), CultureInfo.InvariantCulture)),
            new("replay, glibc", () => NsPerCall(plan, glibc)),
        ]);
        var table = new Table { Border = TableBorder.Markdown };
        table.AddColumns("churn of one thread", "ns/call", "/ bare loop");
        foreach (string under in (string[])["noop", "glibc"])
        {
            table.AddRow($"bare loop, {under}", Text(result.Median($"bare loop, {under}")), "1.00");
            table.AddRow($"replay, {under}", Text(result.Median($"replay, {under}")), Text(result.Ratio($"replay, {under}", $"bare loop, {under}")));
        }
        AnsiConsole.Write(table);
        Console.WriteLine($"Medians of {Blocks} interleaved runs of {Calls:N0} calls, nothing touched.\n");
    }

    /// <summary>Threads that share nothing, in every order.</summary>
    private static void Scaling(WorkDirectory work)
    {
        string churn = work.Compile("churn.c", "churn", "-pthread");
        List<Allocator> allocators = [.. AllocatorCatalog.List().Select(e => e.Found).OfType<Allocator>()];
        int[] threads = [1, 2, 4, 16];
        var plans = new Dictionary<(int, PlanOrder), ReplayPlan>();
        foreach (int count in threads)
        {
            string trace = Record(work, $"churn{count}", churn, (Calls / count).ToString(CultureInfo.InvariantCulture), count.ToString(CultureInfo.InvariantCulture));
            foreach (PlanOrder order in Enum.GetValues<PlanOrder>())
                plans[(count, order)] = Compile(trace, order);
        }
        List<Candidate> candidates = [];
        foreach (Allocator allocator in allocators)
            foreach (int count in threads)
                candidates.Add(new(Name(allocator, count, PlanOrder.Deps), () => Rate(plans[(count, PlanOrder.Deps)], allocator)));
        foreach (PlanOrder order in (PlanOrder[])[PlanOrder.Exact, PlanOrder.Total])
            foreach (int count in threads)
                candidates.Add(new(Name(allocators[0], count, order), () => Rate(plans[(count, order)], allocators[0])));
        Interleaved result = Interleaved.Run(Blocks, candidates);
        var table = new Table { Border = TableBorder.Markdown };
        table.AddColumns(["M calls/s", .. threads.Select(t => t == 1 ? "1 thread" : $"{t} threads"), "2 threads / 1"]);
        foreach (Allocator allocator in allocators)
            AddRow(allocator, PlanOrder.Deps);
        AddRow(allocators[0], PlanOrder.Exact);
        AddRow(allocators[0], PlanOrder.Total);
        AnsiConsole.Write(table);
        Console.WriteLine($"Independent threads; medians of {Blocks} interleaved runs of {Calls:N0} calls in all, nothing touched.\n");
        foreach (ReplayPlan plan in plans.Values)
            plan.Dispose();

        void AddRow(Allocator allocator, PlanOrder order) => table.AddRow(
            [Label(order) + ", " + allocator.Name, .. threads.Select(t => Text(result.Median(Name(allocator, t, order)))),
                Text(result.Ratio(Name(allocator, 2, order), Name(allocator, 1, order)))]);
    }

    /// <summary>What the reduction saves, and what an order costs, on traces of programs.</summary>
    private static void Traces(WorkDirectory work)
    {
        Allocator glibc = AllocatorCatalog.Parse("glibc")[0];
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
            foreach (PlanOrder order in Enum.GetValues<PlanOrder>())
            {
                using ReplayPlan plan = Compile(path, order);
                double rate = Interleaved.MedianOf(Enumerable.Range(0, Blocks).Select(_ => Rate(plan, glibc)));
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
        RecordSession.Run(new RecordOptions { Command = ["sh", "-c", "exec \"$0\" \"$@\" > /dev/null", .. command], Output = recording, Latency = true });
        TracePacker.Pack(recording, trace);
        return trace;
    }

    private static ReplayPlan Compile(string trace, PlanOrder order)
    {
        using TraceReader reader = TraceReader.Open(trace);
        return ReplayPlan.Compile(reader, new PlanOptions { Order = order });
    }

    private static double NsPerCall(ReplayPlan plan, Allocator allocator) => 1000 / Rate(plan, allocator);

    private static double Rate(ReplayPlan plan, Allocator allocator) => WorkerProcess.Run(plan, allocator, AsFastAsItGoes).CallsPerSecond / 1e6;

    private static string Name(Allocator allocator, int threads, PlanOrder order) => $"{allocator.Name} {threads} {order}";

    private static string Label(PlanOrder order) => order.ToString().ToLowerInvariant();

    private static string Text(double figure) => figure.ToString("0.00", CultureInfo.InvariantCulture);
}
