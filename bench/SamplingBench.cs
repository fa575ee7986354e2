using System.Globalization;
using AllocReplay.Formats;
using AllocReplay.Formats.Statistics;
using AllocReplay.Recorder;
using Spectre.Console;

namespace AllocReplay.Bench;

/// <summary><c>bench sampling</c>: what samples say of programs of which all is known, against the truth and against theory.</summary>
internal static class SamplingBench
{
    /// <summary>Rounds in all of each program, in so many processes.</summary>
    private const int Rounds = 1000, Processes = 10;

    private const int BlocksPerRound = 5000;

    private static readonly string[] Quantities = ["blocks", "bytes", "live blocks", "live bytes", "lifetimes"];

    private static readonly Sampling[] Samplings = [new(SampleScheme.Bytes, 4096), new(SampleScheme.Blocks, 50)];

    public static int Run()
    {
        using var work = new WorkDirectory();
        string program = work.Compile("sampled_rounds.c", "sampled_rounds", "-pthread", "-Wno-unused-result");
        var table = new Table { Border = TableBorder.Markdown };
        table.AddColumns(
            "program, sample", "total of", "bias, %", "its standard error", "error of a run, %", "by theory", "as stated", "within 1 error, %", "within 2, %");
        foreach (string pattern in (string[])["uniform", "hot", "tail"])
            foreach (Sampling sampling in Samplings)
                AddRows(table, work, program, pattern, sampling);
        AnsiConsole.Write(table);
        AnsiConsole.WriteLine(
            $"{Rounds} rounds of {BlocksPerRound} blocks each, recorded in {Processes} processes; lifetimes are those of blocks that ended, added up\n");
        SampledPrograms.Run(work);
        return 0;
    }

    private static void AddRows(Table table, WorkDirectory work, string program, string pattern, Sampling sampling)
    {
        double[] theory = ErrorsByTheory(work, program, pattern, sampling);
        var runs = new List<(double[] Truth, SampleEstimate[] Estimate)>();
        for (int i = 0; i < Processes; i++)
            runs.AddRange(Record(work, program, pattern, sampling, Rounds / Processes).Select(r => (r.Truth, r.Estimates)));
        for (int q = 0; q < Quantities.Length; q++)
        {
            double[] errors = [.. runs.Select(r => r.Estimate[q].Total / r.Truth[q] - 1)];
            double[] scores = [.. runs.Select(r => Math.Abs(r.Estimate[q].Total - r.Truth[q]) / r.Estimate[q].StandardError)];
            double bias = errors.Average(), deviation = Math.Sqrt(errors.Sum(e => (e - bias) * (e - bias)) / (errors.Length - 1));
            double stated = Math.Sqrt(runs.Average(r => Math.Pow(r.Estimate[q].StandardError / r.Truth[q], 2)));
            table.AddRow(
                q == 0 ? $"{pattern}, {Name(sampling)}" : "", Quantities[q], Percent(bias, "+0.00;-0.00"),
                Percent(deviation / Math.Sqrt(errors.Length), "0.00"), Percent(deviation), Percent(theory[q]), Percent(stated),
                Percent(scores.Count(s => s <= 1) / (double)scores.Length, "0"),
                Percent(scores.Count(s => s <= 2) / (double)scores.Length, "0"));
        }
    }

    /// <summary>Of one round that is recorded whole: √Σ (1 − p) / p · x², as a share of Σ x.</summary>
    private static double[] ErrorsByTheory(WorkDirectory work, string program, string pattern, Sampling sampling)
    {
        Round whole = Record(work, program, pattern, Sampling.None, 1).Single();
        return [.. Enumerable.Range(0, Quantities.Length).Select(q =>
        {
            double total = whole.Blocks.Sum(b => ValueOf(b, q));
            double variance = whole.Blocks.Sum(b => (1 - sampling.Probability(b.Bytes)) / sampling.Probability(b.Bytes) * Math.Pow(ValueOf(b, q), 2));
            return Math.Sqrt(variance) / total;
        })];
    }

    private static double ValueOf(in KnownBlock block, int quantity) => quantity switch
    {
        0 => 1,
        1 => block.Bytes,
        2 => block.LivedNs is null ? 1 : 0,
        3 => block.LivedNs is null ? block.Bytes : 0,
        _ => block.LivedNs ?? 0,
    };

    /// <summary>Records a process, whose threads are its rounds.</summary>
    private static IEnumerable<Round> Record(WorkDirectory work, string program, string pattern, Sampling sampling, int rounds)
    {
        string session = work["rounds.allocrec"], truth = work["truth"];
        RecordResult result = RecordedCommand.Run(new RecordOptions
        {
            Command = [program, pattern, rounds.ToString(CultureInfo.InvariantCulture), BlocksPerRound.ToString(CultureInfo.InvariantCulture), truth],
            Output = session,
            Force = true,
            Sample = sampling,
        });
        if (result.ExitCode != 0)
            throw new InvalidOperationException($"{program}: exit code {result.ExitCode}");
        using TraceReader reader = TraceReader.Open(session);
        KnownBlock[] blocks = KnownBlock.AllOf(reader);
        ILookup<int, KnownBlock> byThread = blocks.ToLookup(b => b.Thread);
        // The first thread is the one that starts the others.
        return File.ReadLines(truth).Select((line, i) => new Round(
            [.. line.Split(' ').Select(n => double.Parse(n, CultureInfo.InvariantCulture))], [.. byThread[i + 1]], sampling));
    }

    private sealed record Round(double[] Truth, KnownBlock[] Blocks, Sampling Sampling)
    {
        public SampleEstimate[] Estimates
        {
            get
            {
                var estimates = new SampleEstimate[Quantities.Length];
                foreach (KnownBlock block in Blocks)
                    for (int q = 0; q < estimates.Length; q++)
                        estimates[q].Add(ValueOf(block, q), Sampling.Probability(block.Bytes));
                return estimates;
            }
        }
    }

    internal static string Name(Sampling s) => s.Scheme == SampleScheme.Bytes ? $"{s.Mean / 1024} KiB" : $"1 block in {s.Mean}";

    internal static string Percent(double share, string format = "0.0") => (100 * share).ToString(format, CultureInfo.InvariantCulture);
}
