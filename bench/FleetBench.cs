using System.Globalization;
using System.Text.Json;
using Spectre.Console;

namespace AllocReplay.Bench;

/// <summary>
/// <c>bench fleet</c>: what is not freed at each call site of a thousand process images, in DuckDB and in ClickHouse's engine, from a directory for each
/// image and after <c>compact</c>. Both have to give the same rows.
/// </summary>
internal static class FleetBench
{
    private const int Recordings = 20, Hosts = 50, Copies = 1000 / Recordings, Blocks = 5;
    private const string View = "outstanding_by_site";

    public static int Run()
    {
        using var work = new WorkDirectory();
        string fleet = work["fleet"], compacted = work["compacted"];
        Console.Error.WriteLine($"recording {Recordings} processes, for {Recordings * Copies} process images …");
        Build(work, fleet);
        double compacting = Shell.Seconds(() => Shell.Run(Shell.AllocReplay, ["compact", fleet, "-o", compacted]));

        bool other = Directory.Exists(Path.Combine(Shell.Root, "tests", "engines", "node_modules", "chdb"));
        if (!other)
            Console.Error.WriteLine("without ClickHouse's engine: npm ci in tests/engines");
        var processors = new Dictionary<string, double>();
        (string Name, string Dataset)[] layouts = [("a directory for each", fleet), ("compacted", compacted)];
        string[] expected = DuckDb(work, fleet);
        foreach ((string name, string dataset) in layouts)
        {
            Expect(expected, DuckDb(work, dataset), $"DuckDB, {name}");
            if (other)
                Expect(expected, ClickHouse(work, dataset), $"ClickHouse, {name}");
        }

        Interleaved result = Interleaved.Run(Blocks,
        [
            .. layouts.Select(l => Candidate("DuckDB, " + l.Name, DuckDb, l.Dataset)),
            .. layouts.Where(_ => other).Select(l => Candidate("ClickHouse, " + l.Name, ClickHouse, l.Dataset)),
        ]);
        var table = new Table { Border = TableBorder.Markdown };
        table.AddColumns($"{View}, {Recordings * Copies:N0} process images", "files", "MiB", "DuckDB, s", "its CPU", "ClickHouse, s", "its CPU");
        foreach ((string name, string dataset) in layouts)
        {
            table.AddRow(name, $"{Directory.GetFiles(dataset, "*", SearchOption.AllDirectories).Length:N0}",
                Text(Shell.DirectorySize(dataset) / (double)(1 << 20), "0"), Wall("DuckDB, " + name), Text(processors["DuckDB, " + name]),
                other ? Wall("ClickHouse, " + name) : "not installed", other ? Text(processors["ClickHouse, " + name]) : "");
        }
        AnsiConsole.Write(table);
        Console.WriteLine($"{expected.Length:N0} rows, the same in each; {RowsOf(compacted, "allocations")} blocks. Whole commands: 'allocreplay query', and "
            + $"node with chdb, which hold their start; medians of {Blocks} interleaved runs, the shortest in brackets, and of processor time the least. "
            + $"compact took {Text(compacting)} s.");
        return 0;

        string Wall(string name) => $"{Text(result.Median(name))} ({Text(result.Least(name))})";

        Candidate Candidate(string name, Func<WorkDirectory, string, string[]> ask, string dataset) => new(name, () =>
        {
            double seconds = Shell.Seconds(() => ask(work, dataset));
            double used = File.ReadAllText(work["processors"]).Split(' ').Sum(s => double.Parse(s, CultureInfo.InvariantCulture));
            processors[name] = Math.Min(used, processors.GetValueOrDefault(name, used));
            return seconds;
        });
    }

    /// <summary>Records processes of different lengths, and lets each stand for many: host and process are in the names of directories.</summary>
    private static void Build(WorkDirectory work, string fleet)
    {
        string shop = work["shop"];
        Shell.Run("cc", ["-O1", "-g", "-o", shop, Path.Combine(Shell.Root, "analyzer", "notebooks", "shop.c")]);
        for (int recording = 0; recording < Recordings; recording++)
        {
            string trace = work[$"{recording}.alloctrace"], one = work[$"{recording}.parquet"];
            string requests = (200 * (recording + 1)).ToString(CultureInfo.InvariantCulture);
            string version = (recording % 2 + 1).ToString(CultureInfo.InvariantCulture);
            Shell.Run(Shell.AllocReplay, ["record", "--stacks", "auto", "-o", trace, "--", shop, version, requests]);
            Shell.Run(Shell.AllocReplay, ["analyze", trace, "-o", one]);
            foreach (string file in Directory.GetFiles(one, "*.parquet", SearchOption.AllDirectories))
            {
                string table = Path.GetRelativePath(one, file).Split('/')[0];
                for (int copy = 0; copy < Copies; copy++)
                {
                    int image = copy * Recordings + recording;
                    string partition = Path.Combine(fleet, table, $"host=web-{image % Hosts:00}", $"process=p{1000 + image}.0");
                    Directory.CreateDirectory(partition);
                    File.Copy(file, Path.Combine(partition, Path.GetFileName(file)));
                }
            }
        }
    }

    /// <summary>The rows of the view, each as a text of its values.</summary>
    private static string[] DuckDb(WorkDirectory work, string dataset)
    {
        using JsonDocument rows = JsonDocument.Parse(Measured(work, [Shell.AllocReplay, "query", dataset, "--view", View, "--json"]));
        return [.. rows.RootElement.EnumerateArray().Select(r => string.Join('|', r.EnumerateObject().Select(v => v.Value.ToString())))];
    }

    private static string[] ClickHouse(WorkDirectory work, string dataset)
    {
        string statements = work["statements.json"], engines = Path.Combine(Shell.Root, "tests", "engines");
        File.WriteAllText(statements, JsonSerializer.Serialize(new[] { Shell.Run(Shell.AllocReplay, ["query", "--print-view", View]) }));
        string prelude = Path.Combine(Shell.Root, "analyzer", "engines", "clickhouse.sql");
        using JsonDocument results = JsonDocument.Parse(Measured(work, ["node", Path.Combine(engines, "chdb.mjs"), dataset, prelude, statements]));
        return [.. results.RootElement[0].GetProperty("data").EnumerateArray().Select(r => string.Join('|', r.EnumerateArray().Select(v => v.ToString())))];
    }

    private static void Expect(string[] expected, string[] found, string where)
    {
        if (!expected.SequenceEqual(found))
            throw new InvalidOperationException($"{where}: other rows than DuckDB has of a directory for each");
    }

    private static string RowsOf(string dataset, string table) =>
        Shell.Run(Shell.AllocReplay, ["query", dataset, $"SELECT count(*) FROM {table}", "--csv"]).Trim().Split('\n')[^1];

    /// <summary>Runs a command; the seconds of processor time that it took, of its own and of the system, are in a file then.</summary>
    private static string Measured(WorkDirectory work, string[] command) =>
        Shell.Run("time", ["-q", "-f", "%U %S", "-o", work["processors"], .. command]);

    private static string Text(double figure, string format = "0.00") => figure.ToString(format, CultureInfo.InvariantCulture);
}
