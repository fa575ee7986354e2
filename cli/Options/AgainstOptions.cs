using System.CommandLine;
using AllocReplay.Analyzer.Diff;
using AllocReplay.Analyzer.Passes;
using AllocReplay.Analyzer.Query;
using AllocReplay.Analyzer.Report;
using AllocReplay.Cli.Output;

namespace AllocReplay.Cli.Options;

/// <summary>The other run that a report is compared with.</summary>
internal sealed class AgainstOptions
{
    private const string ProcessName = "--against-process";

    private readonly Option<string?> _against = new("--against")
    {
        Description = "Show what differs from this run: a trace, or a dataset. Of traces --interval, --from, --to, --from-mark and --to-mark choose the same "
            + "part of both.",
        HelpName = "other",
    };

    private readonly Option<string?> _process = new(ProcessName)
    {
        Description = "With --against: its process image (pPID.N). Default: the busiest.",
        HelpName = "image",
    };

    public void AddTo(Command command)
    {
        command.Options.Add(_against);
        command.Options.Add(_process);
    }

    /// <summary>Finds or makes the other run's dataset; null where none was named.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="of">What the report is of.</param>
    /// <param name="options">How a trace is analyzed.</param>
    /// <param name="terminal">Told which dataset it is.</param>
    /// <param name="token">Ends it.</param>
    /// <exception cref="UsageException">The options do not go together.</exception>
    public AgainstRun? Open(ParseResult parse, TraceChoice of, AnalysisOptions options, Terminal terminal, CancellationToken token)
    {
        string? process = parse.GetValue(_process);
        if (parse.GetValue(_against) is not { } path)
            return process is null ? null : throw new UsageException($"{ProcessName}: expected --against, whose process image it is");
        var choice = new TraceChoice(path, process, of.Range) { ProcessOption = ProcessName };
        return new AgainstRun(choice, ReportDataset.Of(choice, beside: null, options, terminal, token));
    }
}

/// <summary>Another run, and its dataset, which may be a temporary one.</summary>
internal sealed class AgainstRun(TraceChoice choice, ReportDataset dataset) : IDisposable
{
    /// <summary>A report with what differs from this run.</summary>
    /// <param name="report">The report.</param>
    /// <param name="path">What it is of, as it was given.</param>
    /// <param name="query">Its dataset.</param>
    /// <param name="terminal">Told which of several process images is taken.</param>
    /// <param name="token">Ends it.</param>
    /// <exception cref="UsageException">There is no such process image.</exception>
    public TraceReport Compare(TraceReport report, string path, DatasetQuery query, Terminal terminal, CancellationToken token)
    {
        using DatasetQuery other = DatasetQuery.Open(dataset.Directory);
        query.Ending = other.Ending = token;
        DatasetProcess otherImage = ImageOf(other, terminal);
        foreach (string note in ImageNotes.Of(otherImage, choice.Path))
            terminal.Note(note);
        DatasetProcess image = DatasetProcess.AllOf(query).First(p => p.Host == report.Host && p.Process == report.Process);
        return report with { Against = RunDifference.Read(choice.Path, new DatasetSide(other, otherImage), path, new DatasetSide(query, image)) };
    }

    public void Dispose() => dataset.Dispose();

    private DatasetProcess ImageOf(DatasetQuery query, Terminal terminal)
    {
        IReadOnlyList<DatasetProcess> all = DatasetProcess.AllOf(query);
        DatasetProcess? image = all.Where(p => dataset.Image is not { } name || p.IsNamed(name)).MaxBy(p => p.Acquisitions);
        if (image is null)
            throw new UsageException($"{choice.ProcessOption} {dataset.Image}: {choice.Path} has no such process image; there are "
                + string.Join(", ", all.Select(p => DatasetOperand.NameOf(p, all))));
        if (dataset.Image is null && all.Count > 1)
            terminal.Note(ImageNotes.OfBusiest($"{DatasetOperand.NameOf(image, all)} ({image.Program})", all.Count, choice.Path, choice.ProcessOption));
        return image;
    }
}
