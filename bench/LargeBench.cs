using System.Diagnostics;
using System.Globalization;
using AllocReplay.Formats;
using Spectre.Console;

namespace AllocReplay.Bench;

/// <summary><c>bench large</c>: packs and reads a trace of over 300 million events, and measures what memory that takes.</summary>
internal static class LargeBench
{
    private const long CallsPerThread = 151_000_000;

    public static int Run()
    {
        using var work = new WorkDirectory();
        string churn = work.Compile("churn.c", "churn", "-pthread");
        string recording = work["large.allocrec"], pack = work["large.alloctrace"];
        string cli = Shell.AllocReplay;
        Console.Error.WriteLine("recording …");
        Shell.Run(cli, ["record", "-o", recording, "--", churn, CallsPerThread.ToString(CultureInfo.InvariantCulture)]);
        var table = new Table { Border = TableBorder.Markdown };
        table.AddColumns("churn, 2 threads", "seconds", "peak RSS");
        Add("pack", ["pack", recording, "-o", pack]);
        Add("info of the pack (reads, merges, totals)", ["info", pack, "--json"]);
        Add("info of the directory", ["info", recording, "--json"]);
        Add("analyze the pack", ["analyze", pack, "-o", work["dataset"]]);
        using TraceReader reader = TraceReader.Open(pack);
        long directoryBytes = Shell.DirectorySize(recording), packBytes = new FileInfo(pack).Length;
        long events = 0, live = 0;
        while (reader.Read(out _))
        {
            events++;
            live = Math.Max(live, reader.LiveBlocks);
        }
        AnsiConsole.Write(table);
        AnsiConsole.WriteLine(FormattableString.Invariant(
            $"{events:N0} events, at most {live:N0} live blocks; directory {(double)directoryBytes / events:0.00}, ")
            + FormattableString.Invariant($"pack {(double)packBytes / events:0.00} bytes/event; ")
            + FormattableString.Invariant($"bounds: 256 MB + 48 B per live block = {256 + 48.0 * live / 1e6:0.0} MB, ")
            + FormattableString.Invariant($"of analyze 384 MB + 64 B per live block = {384 + 64.0 * live / 1e6:0.0} MB"));
        return 0;

        void Add(string name, string[] arguments)
        {
            long start = Stopwatch.GetTimestamp();
            Shell.Run("time", ["-q", "-f", "%M", "-o", work["peak"], cli, .. arguments]);
            double mb = long.Parse(File.ReadAllText(work["peak"]), CultureInfo.InvariantCulture) * 1024 / 1e6;
            string seconds = Stopwatch.GetElapsedTime(start).TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture);
            table.AddRow(name, seconds, FormattableString.Invariant($"{mb:0} MB"));
        }
    }
}
