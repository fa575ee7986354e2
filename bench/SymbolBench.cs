using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Spectre.Console;

namespace AllocReplay.Bench;

/// <summary><c>bench symbols</c>: what it takes to find the functions of a recording of redis, and of one that passes many places of a large module.</summary>
internal static partial class SymbolBench
{
    private const int Places = 20_000;
    private const int CachedRuns = 5;
    private const ulong From = 0x10000000;

    public static int Run()
    {
        using var work = new WorkDirectory();
        var table = new Table { Border = TableBorder.Markdown };
        table.AddColumns("symbolize", "places", "named", "cold s", "peak MB", "cached s");
        string redis = work["redis.allocrec"];
        if (Shell.Exists("redis-benchmark"))
        {
            using (var recorders = new Recorders(work.Path))
            {
                recorders.LastSession = (_, session) => Shell.Run("cp", ["-r", session, redis]);
                RedisBench.SecondsPerMillion(recorders, "record cfi", work.Path);
            }
            Add("redis-server", redis);
            // A module of any size is as good as a recording of its program: what counts is the places.
            foreach (string large in new[] { "/usr/lib/chromium/chromium", Environment.GetEnvironmentVariable("BENCH_MODULE") ?? "" }.Where(File.Exists))
            {
                PassThrough(large, Directory.GetDirectories(redis)[0]);
                Add(FormattableString.Invariant($"{Path.GetFileName(large)}, {new FileInfo(large).Length / 1e6:0} MB"), redis);
            }
        }
        else
        {
            Console.Error.WriteLine("skipped: redis is not installed (redis-tools)");
        }
        AnsiConsole.Write(table);
        AnsiConsole.WriteLine($"the command from its start to its end; cached: the least of {CachedRuns}. Peak: the largest process");
        return 0;

        void Add(string name, string trace)
        {
            string cache = work[Guid.NewGuid().ToString("N")];
            double cold = Symbolize(trace, cache, out string json);
            double peak = long.Parse(File.ReadAllText(work["peak"]), CultureInfo.InvariantCulture) * 1024 / 1e6;
            double cached = Enumerable.Range(0, CachedRuns).Min(_ => Symbolize(trace, cache, out json));
            long Sum(Regex property) => property.Matches(json).Sum(m => long.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture));
            table.AddRow(name, Text(Sum(LocationsProperty())), Text(Sum(NamedProperty())), Text(cold), Text(peak), Text(cached));
        }

        double Symbolize(string trace, string cache, out string json)
        {
            string command = Shell.AllocReplay;
            long start = Stopwatch.GetTimestamp();
            json = Shell.Run("time", ["-q", "-f", "%M", "-o", work["peak"], command, "symbolize", trace, "--json"], ("XDG_CACHE_HOME", cache));
            return Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
    }

    /// <summary>Has the stacks of a recording pass through places of a module, at random.</summary>
    private static void PassThrough(string module, string image)
    {
        string id = BuildId().Match(Shell.Run("readelf", ["-n", module])).Groups[1].Value;
        long length = new FileInfo(module).Length;
        File.WriteAllText(Path.Combine(image, "modules"), string.Create(CultureInfo.InvariantCulture, $"{From:x}-{From + (ulong)length:x} 0 {id} {module}\n"));
        var random = new Random(5);
        var frames = new byte[(Places + 2) * 16];
        for (int i = 2; i < Places + 2; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(frames.AsSpan(i * 16), From + (ulong)random.NextInt64(length));
            BinaryPrimitives.WriteUInt32LittleEndian(frames.AsSpan(i * 16 + 12), 1); // it is there
        }
        File.WriteAllBytes(Path.Combine(image, "frames"), frames);
    }

    private static string Text(double value) => value.ToString(value == Math.Floor(value) ? "N0" : "0.00", CultureInfo.InvariantCulture);

    [GeneratedRegex("\"locations\": (\\d+)")]
    private static partial Regex LocationsProperty();

    [GeneratedRegex("\"named\": (\\d+)")]
    private static partial Regex NamedProperty();

    [GeneratedRegex("Build ID: ([0-9a-f]+)")]
    private static partial Regex BuildId();
}
