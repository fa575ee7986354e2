using System.Diagnostics;
using System.Globalization;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using Spectre.Console;

namespace AllocReplay.Bench;

/// <summary>
/// <c>bench keep</c>: a flight recorder over a thousand million events, seven minutes: how large the directory was at most, what the process that writes it
/// took, and whether what the program kept is all there.
/// </summary>
internal static class KeepBench
{
    private const int Planted = 1000;

    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(100);

    public static int Run()
    {
        // BENCH_KEEP_EVENTS: less for a try.
        long events = long.Parse(Environment.GetEnvironmentVariable("BENCH_KEEP_EVENTS") ?? "1000000000", CultureInfo.InvariantCulture);
        const long rate = 2_500_000;
        using var work = new WorkDirectory();
        string program = work.Compile("keep_churn.c", "keep_churn", "-pthread"), recording = work["kept.allocrec"];
        Console.Error.WriteLine($"recording {events:N0} events …");
        long start = Stopwatch.GetTimestamp();
        using Process recorder = Process.Start(new ProcessStartInfo(Shell.AllocReplay,
            ["record", "--keep", "256M", "-o", recording, "--", program, $"{events}", $"{rate}", $"{Planted}"])
        {
            RedirectStandardOutput = true,
        })!;
        Task<string> told = recorder.StandardOutput.ReadToEndAsync();
        (long disk, long memory, double cpu, int marks) = (0, 0, 0, 0);
        while (!recorder.WaitForExit(LookEvery))
        {
            disk = Math.Max(disk, BytesOf(recording));
            foreach (Process drain in Process.GetProcessesByName("allocreplay-dra").Concat(Process.GetProcessesByName("allocreplay-drain")))
                using (drain)
                    (memory, cpu) = Look(drain, memory, cpu);
            if (Stopwatch.GetElapsedTime(start).TotalSeconds > 5 * (marks + 1) && marks < 10)
                Shell.Run(Shell.AllocReplay, ["control", recording, "mark", $"mark-{++marks}"]);
        }
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        (int found, int live, long gone, long read, ulong lost) = Check(recording, told.Result);
        var table = new Table { Border = TableBorder.Markdown };
        table.AddColumns("record --keep 256M", "");
        table.AddRow("events", FormattableString.Invariant($"{gone + read:N0}, {(gone + read) / seconds / 1e6:0.00} M a second; lost {lost:N0}"));
        table.AddRow("directory at most", FormattableString.Invariant($"{disk / (double)(1 << 20):0.0} MiB"));
        table.AddRow("drain: memory at most", FormattableString.Invariant($"{memory / 1e6:0.0} MB"));
        table.AddRow("drain: processor time", FormattableString.Invariant($"{cpu:0.0} s of {seconds:0.0} s"));
        table.AddRow("kept blocks that are there, with their true times", FormattableString.Invariant($"{found:N0} of {Planted:N0}; live in all {live:N0}"));
        table.AddRow("marks that are there", FormattableString.Invariant($"{MarksOf(recording)} of {marks}"));
        AnsiConsole.Write(table);
        return found == Planted ? 0 : 1;
    }

    private static (long Memory, double Cpu) Look(Process drain, long memory, double cpu)
    {
        try
        {
            return (Math.Max(memory, drain.WorkingSet64), Math.Max(cpu, drain.TotalProcessorTime.TotalSeconds));
        }
        catch (InvalidOperationException)
        {
            return (memory, cpu); // it has ended
        }
    }

    private static (int Found, int Live, long Gone, long Read, ulong Lost) Check(string recording, string told)
    {
        using TraceReader reader = TraceReader.Open(recording);
        var live = new Dictionary<long, TraceEvent>();
        long read = 0;
        while (reader.Read(out TraceEvent e))
        {
            read++;
            if (e.Acquires)
                live[e.Object] = e;
            live.Remove(e.ReleasedObject);
        }
        // Times of the program and of the recording have one origin in common: the first block's.
        var blocks = live.Values.ToDictionary(b => (b.Address, b.Size));
        long? origin = null;
        int found = 0;
        foreach (string line in told.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] words = line.Split(' ');
            ulong address = ulong.Parse(words[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            long before = long.Parse(words[2], CultureInfo.InvariantCulture), after = long.Parse(words[3], CultureInfo.InvariantCulture);
            if (!blocks.TryGetValue((address, ulong.Parse(words[1], CultureInfo.InvariantCulture)), out TraceEvent block))
                continue;
            origin ??= after - block.TimeNs;
            const long errorNs = 2_000_000; // of a rate that is known to some parts in a million, over seven minutes
            if (block.TimeNs + origin >= before - errorNs && block.TimeNs + origin <= after + errorNs)
                found++;
        }
        return (found, live.Count, reader.Carried?.EventsGone ?? 0, read, reader.Process.LostEvents);
    }

    private static int MarksOf(string recording)
    {
        using TraceReader reader = TraceReader.Open(recording);
        return reader.Markers.Count;
    }

    private static long BytesOf(string directory)
    {
        try
        {
            return Shell.DirectorySize(directory);
        }
        catch (IOException)
        {
            return 0; // a file went meanwhile
        }
    }
}
