using System.Globalization;
using AllocReplay.Formats;
using AllocReplay.Formats.Packed;
using AllocReplay.Recorder;
using DuckDB.NET.Data;
using Spectre.Console;

namespace AllocReplay.Bench;

/// <summary>
/// <c>bench analyzer</c>: a trace to its dataset, by the command as it is typed, beside DuckDB writing the same rows from memory, and beside the peers'
/// readers of the same program's files.
/// </summary>
internal static class AnalyzerBench
{
    private const int Blocks = 5;
    private const long CallsPerThread = 10_000_000;
    private const string Analyze = "analyze", Copy = "DuckDB, COPY of the same rows", Info = "info", Reading = "read and merge",
        Heaptrack = "heaptrack_print", Lttng = "babeltrace2, counting";

    public static int Run()
    {
        using var work = new WorkDirectory();
        string churn = work.Compile("churn.c", "churn", "-pthread"), calls = CallsPerThread.ToString(CultureInfo.InvariantCulture);
        string trace = work["churn.alloctrace"], dataset = work["dataset"], cli = Shell.AllocReplay;
        RecordedCommand.Run(new RecordOptions { Command = ["sh", "-c", "\"$0\" \"$1\" > /dev/null", churn, calls], Output = work["churn.allocrec"] });
        long events = TracePacker.Pack(work["churn.allocrec"], trace).Events;
        Shell.Run(cli, ["analyze", trace, "-o", dataset]);
        using var connection = new DuckDBConnection("DataSource=:memory:");
        connection.Open();
        Execute(connection, $"CREATE TABLE rows AS SELECT * EXCLUDE (host, process) FROM read_parquet('{dataset}/allocations/*/*/*.parquet')");
        long rows = Convert.ToInt64(Scalar(connection, "SELECT count(*) FROM rows"), CultureInfo.InvariantCulture);
        long columns = Convert.ToInt64(
            Scalar(connection, "SELECT count(*) FROM duckdb_columns() WHERE table_name = 'rows'"), CultureInfo.InvariantCulture);

        List<Candidate> candidates =
        [
            new(Analyze, () => Shell.Seconds(() => Shell.Run(cli, ["analyze", trace, "-o", dataset, "--force"]))),
            new(Copy, () => Shell.Seconds(() => Execute(connection, $"COPY rows TO '{work["copy.parquet"]}' (FORMAT parquet, COMPRESSION zstd)"))),
            new(Info, () => Shell.Seconds(() => Shell.Run(cli, ["info", trace]))),
            new(Reading, () => Shell.Seconds(() =>
            {
                using TraceReader reader = TraceReader.Open(trace);
                reader.ForEach([]);
            })),
        ];
        var counts = new Dictionary<string, long> { [Analyze] = events, [Copy] = events, [Info] = events, [Reading] = events };
        AddPeers(work, churn, calls, candidates, counts);
        Interleaved result = Interleaved.Run(Blocks, candidates);
        var table = new Table { Border = TableBorder.Markdown };
        table.AddColumns("churn, 2 threads", "seconds", "M events/s", "time / " + Copy);
        foreach (Candidate candidate in candidates)
        {
            double seconds = result.Median(candidate.Name);
            bool isSame = counts[candidate.Name] == events;
            table.AddRow(
                candidate.Name, Text(seconds), Text(counts[candidate.Name] / 1e6 / seconds), isSame ? Text(result.Ratio(candidate.Name, Copy)) : "");
        }
        AnsiConsole.Write(table);
        Console.WriteLine($"{events:N0} events, {rows:N0} rows of {columns} columns; medians of {Blocks} interleaved runs. The dataset has "
            + $"{Shell.DirectorySize(Path.Combine(dataset, "allocations")) / (double)rows:0.0} B/row, DuckDB's file "
            + $"{new FileInfo(work["copy.parquet"]).Length / (double)rows:0.0}.");
        return 0;
    }

    /// <summary>Of the same program, recorded by each peer, with as many calls as it can be waited for.</summary>
    private static void AddPeers(WorkDirectory work, string churn, string calls, List<Candidate> candidates, Dictionary<string, long> counts)
    {
        using var recorders = new Recorders(work.Path);
        if (recorders.HasHeaptrack)
        {
            Shell.Run("heaptrack", ["-o", work["heap"], churn, calls]);
            string file = Directory.GetFiles(work.Path, "heap.*").Single();
            counts[Heaptrack] = counts[Analyze];
            candidates.Add(new(Heaptrack, () => Shell.Seconds(() => Shell.Run("sh", ["-c", $"heaptrack_print '{file}' > /dev/null"]))));
        }
        if (!recorders.HasLttng || !Shell.Exists("babeltrace2"))
            return;
        const long lttngCalls = 500_000; // a twentieth: it reads 0.4 M events a second
        recorders.KeepAt = work["peer.lttng"];
        recorders.Run("lttng", churn, lttngCalls.ToString(CultureInfo.InvariantCulture));
        recorders.KeepAt = null;
        counts[Lttng] = FormatsBench.Count(work["peer.lttng"]);
        candidates.Add(new(Lttng, () => Shell.Seconds(() => Shell.Run("babeltrace2", [work["peer.lttng"], "-c", "sink.utils.counter"]))));
    }

    private static void Execute(DuckDBConnection connection, string sql)
    {
        using DuckDBCommand command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private static object? Scalar(DuckDBConnection connection, string sql)
    {
        using DuckDBCommand command = connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar();
    }

    private static string Text(double value) => value.ToString("0.00", CultureInfo.InvariantCulture);
}
