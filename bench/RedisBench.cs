using System.Diagnostics;
using System.Globalization;

namespace AllocReplay.Bench;

/// <summary>A redis-server under a recorder, and redis-benchmark against it.</summary>
internal static class RedisBench
{
    private const string Port = "17421";

    /// <summary>Seconds per million requests, as redis-benchmark measures them.</summary>
    public static double SecondsPerMillion(Recorders recorders, string recorder, string directory)
    {
        // redis-server is redis-check-rdb under another name.
        string server = Path.Combine(directory, "redis-server");
        if (!File.Exists(server))
            File.CreateSymbolicLink(server, "/usr/bin/redis-check-rdb");
        var serving = Task.Run(() => recorders.Run(recorder, server, "--port", Port, "--bind", "127.0.0.1", "--save", "", "--dir", directory));
        string[] at = ["-h", "127.0.0.1", "-p", Port];
        var patience = Stopwatch.StartNew();
        while (!Answers(at))
            if (serving.IsCompleted || patience.Elapsed > TimeSpan.FromSeconds(30))
                throw new InvalidOperationException("redis-server does not answer");
        string csv = Shell.Run("redis-benchmark", [.. at, "-t", "set,get", "-n", "60000", "-d", "100", "-r", "10000", "--csv"]);
        try
        {
            Shell.Run("redis-cli", [.. at, "shutdown", "nosave"]);
        }
        catch (InvalidOperationException)
        {
            // The server closes the connection as it goes.
        }
        serving.Wait();
        return csv.Split('\n').Where(l => l.StartsWith("\"SET\"", StringComparison.Ordinal) || l.StartsWith("\"GET\"", StringComparison.Ordinal))
            .Average(l => 1e6 / double.Parse(l.Split(',')[1].Trim('"'), CultureInfo.InvariantCulture));
    }

    private static bool Answers(string[] at)
    {
        try
        {
            return Shell.Run("redis-cli", [.. at, "ping"]).Trim() == "PONG";
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}
