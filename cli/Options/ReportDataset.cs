using AllocReplay.Analyzer.Passes;
using AllocReplay.Analyzer.Report;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;

namespace AllocReplay.Cli.Options;

/// <summary>
/// The dataset that a report is read from: the one that was named, one that was made of the trace before, or one that is made now. That is kept beside
/// the report where there is none of its name, and else is a temporary one, which goes when this is disposed.
/// </summary>
internal sealed class ReportDataset : IDisposable
{
    private const string Extension = ".dataset";

    private readonly string? _temporary;

    private ReportDataset(string directory, string? image, long otherImages, string? temporary = null) =>
        (Directory, Image, OtherImages, _temporary) = (directory, image, otherImages, temporary);

    /// <summary>The dataset's directory.</summary>
    public string Directory { get; }

    /// <summary>The process image to tell of; null for the one with most calls.</summary>
    public string? Image { get; }

    /// <summary>Process images of the trace that are not in it; 0 where the dataset itself was named.</summary>
    public long OtherImages { get; }

    /// <summary>Whether it is there when the command has ended.</summary>
    public bool IsKept => _temporary is null;

    /// <summary>Finds it, or makes it.</summary>
    /// <param name="choice">The trace or dataset.</param>
    /// <param name="beside">The file that the report is written to; null where there is none.</param>
    /// <param name="options">How a trace is analyzed; the directory is ours to choose.</param>
    /// <param name="terminal">Told which it is.</param>
    /// <param name="token">Ends it.</param>
    public static ReportDataset Of(TraceChoice choice, string? beside, AnalysisOptions options, Terminal terminal, CancellationToken token)
    {
        if (DatasetOfTrace.IsDataset(choice.Path))
        {
            return choice.Range is null
                ? new ReportDataset(choice.Path, choice.Process, otherImages: 0)
                : throw new UsageException($"{choice.Path}: is a dataset; --interval, --from, --to, --from-mark and --to-mark choose a part of a trace");
        }
        using TraceReader reader = TraceArguments.Open(choice, terminal);
        long others = reader.Trace.ImageCount - 1;
        string name = Path.GetFileNameWithoutExtension(Path.GetFullPath(choice.Path).TrimEnd('/')) + Extension;
        string[] places =
        [
            .. new[] { beside, choice.Path.TrimEnd('/') }.OfType<string>().Select(p => Path.Combine(Path.GetDirectoryName(p) ?? "", name))
                .DistinctBy(Path.GetFullPath).Where(p => OutputFile.WhyNotBeside(p) is null),
        ];
        if (choice.Range is null && places.FirstOrDefault(p => DatasetOfTrace.Is(p, reader, token)) is { } made)
        {
            terminal.Note($"allocreplay: {made} was made of this trace, and is used again");
            return new ReportDataset(made, reader.Image, others);
        }
        if (choice.Range is null && beside is not null && places.Length > 0 && !Path.Exists(places[0]))
        {
            Analyze(reader, options with { Directory = places[0] }, terminal, token);
            terminal.Note($"allocreplay: analyzed into {places[0]}");
            return new ReportDataset(places[0], reader.Image, others);
        }
        string temporary = System.IO.Directory.CreateTempSubdirectory("allocreplay-report-").FullName;
        var dataset = new ReportDataset(Path.Combine(temporary, name), reader.Image, others, temporary);
        try
        {
            Analyze(reader, options with { Directory = dataset.Directory }, terminal, token);
            terminal.Note("allocreplay: analyzed into a temporary directory" + WhyTemporary(choice, places));
            return dataset;
        }
        catch
        {
            dataset.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        if (_temporary is not null)
            System.IO.Directory.Delete(_temporary, recursive: true);
    }

    private static string WhyTemporary(TraceChoice choice, string[] places) =>
        choice.Range is not null ? ", as it is a part of the trace"
        : places.FirstOrDefault(Path.Exists) is { } other ? $", as {other} is older than the trace, or of another one" : "";

    private static void Analyze(TraceReader reader, AnalysisOptions options, Terminal terminal, CancellationToken token)
    {
        AnalysisResult result = terminal.WithProgress(
            reader, $"analyzing {TextLine.Plain(reader.Trace.Path)}", progress => Analysis.RunAsync(reader, options, progress, token).GetAwaiter().GetResult());
        if (result.Damage is { } damage)
            terminal.Note($"allocreplay: warning: the trace is damaged, what could be read is told: {damage}");
    }
}
