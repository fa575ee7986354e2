using System.Globalization;

namespace AllocReplay.Tests.Endtoend;

/// <summary>A program's runs with and without the recorder.</summary>
internal sealed record ProgramComparison(
    ProgramScript Script, IReadOnlyList<ProgramRun> Plain, IReadOnlyList<ProgramRun> Recorded, IReadOnlyList<ProgramRecording> Recordings)
{
    /// <summary>Calls that a program makes at the least, where it can be recorded: fewer, and something was missed.</summary>
    private const int FewestCalls = 300;

    public const string TableHead = """
        | program | plain, s | recorded, s | ratio | events | images | threads | bytes/event |
        |---|---|---|---|---|---|---|---|
        """;

    /// <summary>What the recorder changed, and what its recordings lack; none, where all is well.</summary>
    public IEnumerable<string> Faults()
    {
        ProgramRun first = Plain[0];
        foreach ((string kind, ProgramRun run) in Plain.Select(r => ("plain", r)).Concat(Recorded.Select(r => ("recorded", r))))
        {
            if (run.ExitCode != first.ExitCode)
                yield return $"{kind}: exit code {run.ExitCode}, of the first plain run {first.ExitCode}";
            if (run.Output != first.Output)
                yield return $"{kind}: output\n{run.Output}of the first plain run\n{first.Output}";
        }
        if (first.ExitCode != 0)
            yield return $"the script fails: exit code {first.ExitCode}";
        foreach (ProgramRecording recording in Recordings)
        {
            if (recording.LostEvents != 0)
                yield return $"{recording.LostEvents} events lost";
            if (recording.Calls < FewestCalls && Script.NotRecorded is null)
                yield return $"{recording.Calls} calls recorded, expected {FewestCalls} at least";
            foreach (string warning in recording.Warnings)
                yield return warning;
        }
    }

    /// <summary>A row of the table: medians.</summary>
    public string Row()
    {
        double plain = Median(Plain.Select(r => r.Seconds)), recorded = Median(Recorded.Select(r => r.Seconds));
        double ratio = Median(Plain.Zip(Recorded, (p, r) => r.Seconds / p.Seconds)); // each to the run beside it: other work comes and goes
        double events = Median(Recordings.Select(r => (double)r.Events)), bytes = Median(Recordings.Select(r => (double)r.EventBytes));
        double images = Median(Recordings.Select(r => (double)r.Images)), threads = Median(Recordings.Select(r => (double)r.Threads));
        return string.Create(CultureInfo.InvariantCulture,
            $"| {Script.Name} | {plain:0.00} | {recorded:0.00} | {ratio:0.00} | {events:#,0} | {images:0} | {threads:0} | {bytes / Math.Max(1, events):0.0} |");
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }
}
