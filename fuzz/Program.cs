using System.Diagnostics;
using System.Globalization;
using AllocReplay.Fuzz;

// usage: AllocReplay.Fuzz [SECONDS] [SEED] [--plant] [--verbose] | --replay FILE.hex
// Exit code 0: no finding; 1: findings; 2: usage.
string[] numbers = [.. args.Where(a => !a.StartsWith("--", StringComparison.Ordinal))];
if (args is ["--replay", string file])
{
    Console.WriteLine(Campaign.Replay(File.ReadAllText(file)) ?? "read whole");
    return 0;
}
double seconds = 60;
ulong seed = 1;
if (args.Except(numbers).Except(["--plant", "--verbose"]).Any() || numbers.Length > 2
    || (numbers.Length > 0 && !double.TryParse(numbers[0], CultureInfo.InvariantCulture, out seconds))
    || (numbers.Length > 1 && !ulong.TryParse(numbers[1], CultureInfo.InvariantCulture, out seed)))
{
    Console.Error.WriteLine("usage: fuzz [SECONDS] [SEED] [--plant] [--verbose] | --replay FILE.hex");
    return 2;
}
var options = new CampaignOptions(seconds, seed, Path.Combine("artifacts", "fuzz"), args.Contains("--plant"))
{
    Saved = Path.Combine("tests", "data", "crashers"),
};
Console.WriteLine($"{seconds} s, seed {seed}, {Environment.ProcessorCount} cores");
long began = Stopwatch.GetTimestamp();
CampaignReport report = Campaign.Run(options);
double took = Stopwatch.GetElapsedTime(began).TotalSeconds;
using Process self = Process.GetCurrentProcess();
Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"""
    inputs         {report.Inputs:N0} ({report.Inputs / took:N0} a second, {report.Inputs / self.TotalProcessorTime.TotalSeconds:N0} a second of a core)
    of them        {report.Packs:N0} packed traces, {report.Directories:N0} recording directories
    read whole     {report.Whole:N0}; events {report.Events:N0}; different messages {report.Messages.Count}
    slowest input  {report.SlowestMs:F1} ms
    most allocated {report.MostAllocated:N0} bytes for one input; peak memory {self.PeakWorkingSet64 >> 20:N0} MiB
    findings       {report.Findings.Count}; collections {GC.CollectionCount(0)}
    """));
foreach (string finding in report.Findings)
    Console.WriteLine($"  {finding}");
if (args.Contains("--verbose"))
    foreach ((string message, long times) in report.Messages.OrderByDescending(m => m.Value))
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{times,12:N0}  {message}"));
return report.Findings.Count == 0 ? 0 : 1;
