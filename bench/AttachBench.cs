using System.Diagnostics;
using System.Globalization;
using Spectre.Console;

namespace AllocReplay.Bench;

/// <summary>
/// <c>bench attach</c>: what a call costs in a program that was attached to, and was detached from, beside one that was started with the hook. And in one
/// that has its allocator linked in, where calls come by detours, beside the same allocator as a library.
/// </summary>
internal static class AttachBench
{
    private const int Blocks = 5;
    private const string CallsPerThread = "2000000";
    private const string Jemalloc = "/usr/lib/x86_64-linux-gnu/libjemalloc_pic.a", SharedJemalloc = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2";

    /// <summary>What the command does at its start is not to run beside what is measured.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromMilliseconds(400);

    public static int Run()
    {
        using var work = new WorkDirectory();
        string churn = work.Compile("churn.c", "churn", "-pthread");
        Measure("churn, malloc of glibc", work, churn, null);
        if (File.Exists(Jemalloc) && File.Exists(SharedJemalloc))
        {
            Measure("churn, jemalloc as a library", work, churn, SharedJemalloc);
            Measure("churn, jemalloc linked in", work, work.Compile("churn.c", "linked", "-pthread", Jemalloc, "-lm", "-lstdc++"), null);
        }
        else
        {
            Console.Error.WriteLine("skipped: jemalloc is not installed (libjemalloc-dev)");
        }
        return 0;
    }

    private static void Measure(string title, WorkDirectory work, string program, string? library)
    {
        string recording = work["bench.allocrec"];
        (string, string)[] environment = library is null ? [] : [("LD_PRELOAD", library)];
        foreach (string threads in (string[])["1", "2"])
        {
            string[] command = [program, CallsPerThread, threads, "wait"], record = [Shell.AllocReplay, "record", "-q", "--force", "-o", recording];
            Candidate[] candidates =
            [
                new("nothing", () => Run(command)),
                new("record", () => Run([.. record, "--", .. command])),
                new("record --mmap", () => Run([.. record, "--mmap", "--", .. command])),
                new("attach", () => Run(command, attach: true)),
                new("attach, detach", () => Run(command, attach: true, detach: true)),
            ];
            Interleaved result = Interleaved.Run(Blocks, candidates);
            var table = new Table { Border = TableBorder.Markdown };
            table.AddColumns($"{title}, {threads} thread{(threads == "1" ? "" : "s")}", "ns/call", "added ns", "added / record's");
            foreach (string name in candidates.Select(c => c.Name))
            {
                double added = result.Added(name, "nothing");
                table.AddRow(name, Number(result.Median(name), "0.0"), Number(added, "0.0"),
                    name == "nothing" ? "" : Number(added / result.Added("record", "nothing"), "0.00"));
            }
            AnsiConsole.Write(table);
            AnsiConsole.WriteLine($"medians of {Blocks} interleaved runs of {CallsPerThread} calls on each thread\n");

            double Run(string[] line, bool attach = false, bool detach = false)
            {
                var start = new ProcessStartInfo(line[0], line[1..]) { RedirectStandardInput = true, RedirectStandardOutput = true };
                foreach ((string name, string value) in environment)
                    start.Environment[name] = value;
                using Process running = Process.Start(start)!;
                running.StandardOutput.ReadLine();
                using Process? attached = attach ? Attach(running.Id) : null;
                if (detach)
                    Shell.Run(Shell.AllocReplay, ["detach", $"{running.Id}"]);
                Thread.Sleep(Settling);
                running.StandardInput.WriteLine();
                double ns = ChurnFigures.NsPerCall(running.StandardOutput.ReadToEnd());
                running.WaitForExit();
                attached?.WaitForExit();
                return ns;
            }

            Process Attach(int pid)
            {
                Process recorder = Process.Start(new ProcessStartInfo(Shell.AllocReplay, ["attach", $"{pid}", "--force", "-o", recording])
                {
                    RedirectStandardError = true,
                })!;
                return recorder.StandardError.ReadLine()?.StartsWith("allocreplay: attached", StringComparison.Ordinal) == true ? recorder
                    : throw new InvalidOperationException($"{title}: was not attached to");
            }
        }
    }

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
