using System.Globalization;
using AllocReplay.Formats;
using AllocReplay.Formats.Packed;
using AllocReplay.Recorder;
using AllocReplay.Replayer;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;
using Spectre.Console;

namespace AllocReplay.Bench;

/// <summary>
/// <c>bench plans</c>: how fast a long trace is compiled in each order, beside reading it alone, and what memory and disk that takes; what a hand-over
/// between two threads costs, beside the same protocol in C.
/// </summary>
internal static class PlanBench
{
    private const int Blocks = 5;
    private const long CallsPerThread = 10_000_000;
    private const int Turns = 400_000;
    private const int Pauses = 250; // as the worker looks at the most
    private const string Reading = "read";

    public static int Run()
    {
        using var work = new WorkDirectory();
        Compiling(work);
        TakingTurns(work);
        return 0;
    }

    private static void Compiling(WorkDirectory work)
    {
        string trace = Record(work, "churn", [work.Compile("churn.c", "churn", "-pthread"), CallsPerThread.ToString(CultureInfo.InvariantCulture)]);
        ReplayOrder[] orders = Enum.GetValues<ReplayOrder>();
        long calls = 0, waits = 0;
        Interleaved result = Interleaved.Run(Blocks,
        [
            new(Reading, () => Shell.Seconds(() =>
            {
                using TraceReader reader = TraceReader.Open(trace);
                reader.ForEach([]);
            })),
            .. orders.Select(order => new Candidate(ValueName.Of(order), () => Shell.Seconds(() => Compile(trace, order).Dispose()))),
        ]);
        var table = new Table { Border = TableBorder.Markdown };
        table.AddColumns("order", "M calls/s", "time / reading alone", "waits", "plan, MiB", "TMPDIR at most, MiB", "memory at most, MiB");
        foreach (ReplayOrder order in orders)
        {
            (long plan, long disk, long memory) = Takes(trace, order, out PlanCounts counts);
            (calls, waits) = (counts.Calls, counts.Waits);
            table.AddRow(ValueName.Of(order), Text(calls / 1e6 / result.Median(ValueName.Of(order))), Text(result.Ratio(ValueName.Of(order), Reading)),
                $"{waits:N0}", Mebibytes(plan), Mebibytes(disk), Mebibytes(memory));
        }
        AnsiConsole.Write(table);
        Console.WriteLine($"Churn of 2 threads, {calls:N0} calls; medians of {Blocks} interleaved runs. Reading alone: "
            + $"{Text(calls / 1e6 / result.Median(Reading))} M calls/s.\n");
    }

    private static void TakingTurns(WorkDirectory work)
    {
        string pingpong = work.Compile("pingpong.c", "pingpong", "-pthread"), turns = Turns.ToString(CultureInfo.InvariantCulture);
        string trace = Record(work, "turns", [pingpong, turns, Pauses.ToString(CultureInfo.InvariantCulture), "calls"]);
        using ReplayPlan plan = Compile(trace, ReplayOrder.Total);
        Configuration noop = Configuration.Parse("noop")[0];
        var options = new ReplayOptions { Touch = TouchPolicy.None };
        string looking = $"C, {Pauses} pauses", sleeping = "C, asleep at once", replay = "replay, total, noop";
        double Native(int pauses, string n) => double.Parse(
            Shell.Run(pingpong, [n, pauses.ToString(CultureInfo.InvariantCulture)]).Split(' ')[0], CultureInfo.InvariantCulture);
        long sleeps = 0;
        Interleaved result = Interleaved.Run(2 * Blocks + 1,
        [
            new(looking, () => Native(Pauses, turns)),
            new(sleeping, () => Native(0, (Turns / 20).ToString(CultureInfo.InvariantCulture))),
            new(replay, () =>
            {
                WorkerResult run = WorkerRunner.Instance.Run(plan, noop, options);
                sleeps = run.Threads.Sum(t => t.Sleeps);
                return run.ElapsedNs / (double)plan.Counts.Waits;
            }),
        ]);
        var table = new Table { Border = TableBorder.Markdown };
        table.AddColumns("two threads that take turns", "ns a turn", "to the first");
        foreach (string name in (string[])[looking, sleeping, replay])
            table.AddRow(name, Text(result.Median(name)), Text(result.Ratio(name, looking)));
        AnsiConsole.Write(table);
        Console.WriteLine($"Medians of {2 * Blocks + 1} interleaved runs; {plan.Counts.Waits:N0} waits in the plan, two calls a turn, "
            + $"{sleeps:N0} sleeps in the last run.");
    }

    /// <summary>Bytes of the plan, and at most of the disk and of memory beyond what there was before, while it is compiled.</summary>
    private static (long Plan, long Disk, long Memory) Takes(string trace, ReplayOrder order, out PlanCounts counts)
    {
        GC.Collect();
        long before = Status("VmRSS:"), disk = 0;
        File.WriteAllText("/proc/self/clear_refs", "5"); // the high-water mark begins anew
        using var done = new CancellationTokenSource();
        Task watching = Task.Run(() =>
        {
            while (!done.IsCancellationRequested)
                disk = Math.Max(disk, TemporaryBytes());
        });
        using ReplayPlan plan = Compile(trace, order);
        long memory = Status("VmHWM:") - before;
        done.Cancel();
        watching.Wait();
        counts = plan.Counts;
        long length = new FileInfo(plan.Path).Length;
        return (length, Math.Max(disk, length), memory);
    }

    /// <summary>Bytes on the disk of the temporary files that this process has open, those without a name too.</summary>
    private static long TemporaryBytes()
    {
        const string script = "for f in /proc/$0/fd/*; do case $(readlink $f) in *allocreplay-*) stat -L -c %b $f;; esac; done; true";
        string blocks = Shell.Run("sh", ["-c", script, Environment.ProcessId.ToString(CultureInfo.InvariantCulture)]);
        return blocks.Split('\n', StringSplitOptions.RemoveEmptyEntries).Sum(b => long.Parse(b, CultureInfo.InvariantCulture)) * 512;
    }

    private static long Status(string name) => long.Parse(
        File.ReadLines("/proc/self/status").First(l => l.StartsWith(name, StringComparison.Ordinal))[name.Length..].Replace("kB", "").Trim(),
        CultureInfo.InvariantCulture) * 1024;

    private static ReplayPlan Compile(string trace, ReplayOrder order)
    {
        using TraceReader reader = TraceReader.Open(trace);
        return ReplayPlan.Compile(reader, new PlanOptions { Order = order });
    }

    private static string Record(WorkDirectory work, string name, string[] command)
    {
        string recording = work[name + ".allocrec"], trace = work[name + ".alloctrace"];
        string[] silent = ["sh", "-c", "exec \"$0\" \"$@\" > /dev/null", .. command];
        RecordedCommand.Run(new RecordOptions { Force = true, Command = silent, Output = recording });
        TracePacker.Pack(recording, trace);
        return trace;
    }

    private static string Mebibytes(long bytes) => (bytes / (double)(1 << 20)).ToString("0", CultureInfo.InvariantCulture);

    private static string Text(double figure) => figure.ToString("0.00", CultureInfo.InvariantCulture);
}
