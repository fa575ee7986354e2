using System.Globalization;
using AllocReplay.Formats;
using AllocReplay.Formats.Statistics;
using Spectre.Console;

namespace AllocReplay.Bench;

/// <summary><c>bench stacks</c>: what stacks add to recording, by how deep they are and how often they change, and to redis.</summary>
internal static class StackBench
{
    private const int Blocks = 9;
    private const int Calls = 2_000_000;

    public static int Run()
    {
        using var work = new WorkDirectory();
        using var recorders = new Recorders(work.Path);
        Run(recorders, work);
        return 0;
    }

    public static void Run(Recorders recorders, WorkDirectory work)
    {
        string[] names = ["nothing", "record", "record fp", "record cfi", .. recorders.HasHeaptrack ? ["heaptrack"] : Array.Empty<string>()];
        // With frame pointers, so that both ways of walking have what they need.
        string churn = work.Compile("deep_churn.c", "deep_churn", "-fno-omit-frame-pointer");
        var table = new Table { Border = TableBorder.Markdown };
        table.AddColumns("churn, 1 thread", "recorder", "ns/call", "beyond nothing", "beyond record", "bytes/event");
        foreach ((int depth, int stacks) in new[] { (12, 1), (12, 1000), (40, 1), (40, 1000) })
        {
            string[] arguments = [Text(Calls), Text(depth), Text(stacks)];
            var bytesPerEvent = new Dictionary<string, double>();
            recorders.LastSession = (name, session) =>
            {
                using TraceReader reader = TraceReader.Open(session);
                bytesPerEvent[name] = (double)reader.EventBytes / TraceStatistics.Of(reader).Events;
            };
            Interleaved result = Interleaved.Run(
                Blocks, [.. names.Select(n => new Candidate(n, () => ChurnFigures.NsPerCall(recorders.Run(n, churn, arguments))))]);
            foreach (string name in names)
            {
                table.AddRow(name == "nothing" ? $"{depth} frames, {(stacks == 1 ? "1 stack" : $"{stacks} stacks")}" : "", name, Number(result.Median(name)),
                    name == "nothing" ? "" : Number(result.Added(name, "nothing")), name is "nothing" or "record" ? "" : Number(result.Added(name, "record")),
                    bytesPerEvent.TryGetValue(name, out double bytes) ? Number(bytes, "0.00") : "");
            }
        }
        recorders.LastSession = null;
        AnsiConsole.Write(table);
        AnsiConsole.WriteLine($"medians of {Blocks} interleaved runs of {Calls} calls; a call is a malloc or a free, and only a malloc has a stack\n");
        if (!Shell.Exists("redis-benchmark"))
        {
            Console.Error.WriteLine("skipped: redis is not installed (redis-tools)");
            return;
        }
        Interleaved redis = Interleaved.Run(Blocks, [.. names.Select(n => new Candidate(n, () => RedisBench.SecondsPerMillion(recorders, n, work.Path)))]);
        var throughput = new Table { Border = TableBorder.Markdown };
        throughput.AddColumns(["redis-benchmark set+get", .. names.Skip(1)]);
        throughput.AddRow(["throughput / nothing's", .. names.Skip(1).Select(n => Number(redis.Ratio("nothing", n), "0.000"))]);
        AnsiConsole.Write(throughput);
        AnsiConsole.WriteLine($"medians of {Blocks} interleaved runs");
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Number(double value, string format = "0.0") => value.ToString(format, CultureInfo.InvariantCulture);
}
