using System.Globalization;
using AllocReplay.Formats;
using AllocReplay.Formats.Statistics;
using AllocReplay.Recorder;
using Spectre.Console;

namespace AllocReplay.Bench;

/// <summary>Samples of real programs beside whole recordings of the same work.</summary>
internal static class SampledPrograms
{
    /// <summary>Samples of each program, and whole recordings.</summary>
    private const int Samples = 20, Wholes = 3;

    private static readonly Sampling[] Samplings = [new(SampleScheme.Bytes, 64 << 10), new(SampleScheme.Blocks, 1000)];

    public static void Run(WorkDirectory work)
    {
        var table = new Table { Border = TableBorder.Markdown };
        table.AddColumns("program, sample", "total of", "all, median", "they differ by, %", "bias, %", "its standard error", "error of a run, %", "as stated",
            "within 1 error, %", "within 2, %");
        foreach ((string name, string executable, string script) in Programs(work))
            AddRows(table, work, name, executable, script);
        AnsiConsole.Write(table);
        AnsiConsole.WriteLine($"{Samples} samples beside {Wholes} whole recordings, one after the other; the bias is against their mean");
    }

    private static IEnumerable<(string Name, string Executable, string Script)> Programs(WorkDirectory work)
    {
        string source = work["large.c"];
        File.WriteAllLines(source, Enumerable.Range(0, 100).Select(i =>
            $"int f{i}(int *a, int n) {{ int s = {i}; for (int k = 0; k < n; k++) s += a[k] * {i + 3} ^ (s >> (k & 7)); return s; }}"));
        yield return ("gcc", "cc1", $"gcc -O2 -c {source} -o {work["large.o"]}");
        yield return ("python", "python3", $"PYTHONHASHSEED=0 PYTHONMALLOC=malloc python3 -c '{Python}'");
        if (!Shell.Exists("redis-cli"))
        {
            Console.Error.WriteLine("skipped: redis is not installed (redis-tools)");
            yield break;
        }
        string server = work["redis-server"], socket = work["redis.sock"]; // redis-server is redis-check-rdb under another name
        File.CreateSymbolicLink(server, "/usr/bin/redis-check-rdb");
        yield return ("redis", "redis-", $"{server} --port 0 --unixsocket {socket} --save '' --enable-debug-command yes >/dev/null & "
            + $"until redis-cli -s {socket} ping >/dev/null 2>&1; do sleep 0.1; done; "
            + $"redis-cli -s {socket} debug populate 100000 key 100 >/dev/null; redis-cli -s {socket} shutdown nosave; wait");
    }

    private const string Python = "import json\nfor i in range(100): json.loads(json.dumps({str(i): list(range(20)) for i in range(100)}))";

    private static void AddRows(Table table, WorkDirectory work, string name, string executable, string script)
    {
        foreach (Sampling sampling in Samplings)
        {
            var whole = new List<double[]>();
            var sampled = new List<EstimatedTotal[]>();
            for (int i = 0; i < Samples; i++)
            {
                if (i % (Samples / Wholes) == 0 && whole.Count < Wholes)
                    whole.Add([.. Record(work, executable, script, Sampling.None).Select(t => t.Estimate)]);
                sampled.Add(Record(work, executable, script, sampling));
            }
            string[] quantities = ["blocks", "bytes", "live bytes", "peak live bytes"];
            for (int q = 0; q < quantities.Length; q++)
            {
                double truth = whole.Average(w => w[q]), spread = (whole.Max(w => w[q]) - whole.Min(w => w[q])) / truth;
                double[] errors = [.. sampled.Select(s => s[q].Estimate / truth - 1)];
                double[] scores = [.. sampled.Select(s => Math.Abs(s[q].Estimate - truth) / s[q].StandardError!.Value)];
                double bias = errors.Average(), deviation = Math.Sqrt(errors.Sum(e => (e - bias) * (e - bias)) / (errors.Length - 1));
                double stated = Math.Sqrt(sampled.Average(s => Math.Pow(s[q].StandardError!.Value / truth, 2)));
                table.AddRow(q == 0 ? $"{name}, {SamplingBench.Name(sampling)}" : "", quantities[q], truth.ToString("N0", CultureInfo.InvariantCulture),
                    SamplingBench.Percent(spread, "0.00"), SamplingBench.Percent(bias, "+0.00;-0.00"),
                    SamplingBench.Percent(deviation / Math.Sqrt(errors.Length), "0.00"), SamplingBench.Percent(deviation), SamplingBench.Percent(stated),
                    SamplingBench.Percent(scores.Count(s => s <= 1) / (double)scores.Length, "0"),
                    SamplingBench.Percent(scores.Count(s => s <= 2) / (double)scores.Length, "0"));
            }
        }
    }

    /// <summary>Totals of the busiest process image that ran an executable.</summary>
    private static EstimatedTotal[] Record(WorkDirectory work, string executable, string script, Sampling sampling)
    {
        string session = work["program.allocrec"];
        RecordResult result = RecordedCommand.Run(new RecordOptions { Command = ["sh", "-c", script], Output = session, Force = true, Sample = sampling });
        if (result.ExitCode != 0)
            throw new InvalidOperationException($"{script}: exit code {result.ExitCode}");
        using Formats.Trace trace = Formats.Trace.Open(session);
        string image = trace.Images.First(i => Path.GetFileName(i.Executable).StartsWith(executable, StringComparison.Ordinal)).Name;
        using TraceReader reader = trace.OpenImage(image);
        EstimatedBlocks e = TraceStatistics.Of(reader).Estimates;
        return [e.Blocks, e.Bytes, e.LiveBytes, e.PeakLiveBytes];
    }
}
