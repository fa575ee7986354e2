using System.CommandLine;
using AllocReplay.Analyzer;
using AllocReplay.Analyzer.Passes;
using AllocReplay.Analyzer.Query;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Recorder;

namespace AllocReplay.Cli.Options;

/// <summary>A dataset that a command is to read, or a trace, of which one is made first, in a temporary directory.</summary>
internal sealed class DatasetOperand : IDisposable
{
    public const string Description = "The directory that 'analyze' wrote; or a trace, which is analyzed first, into a temporary directory.";

    private readonly DirectoryInfo? _temporary;

    private DatasetOperand(string path, DatasetQuery query, DirectoryInfo? temporary) => (Path, Query, _temporary) = (path, query, temporary);

    /// <summary>As it was given.</summary>
    public string Path { get; }

    public DatasetQuery Query { get; }

    /// <summary>Opens it. A trace's process images are all analyzed.</summary>
    /// <exception cref="DatasetException">There is no dataset at the path.</exception>
    /// <exception cref="TraceFormatException">It is a trace that cannot be read.</exception>
    /// <exception cref="OperationCanceledException">It was ended; the temporary directory is gone.</exception>
    public static DatasetOperand Open(string path, ParseResult parse, SymbolArguments symbols, Terminal terminal, CancellationToken token)
    {
        if (!File.Exists(path) && !Trace.IsRecording(path))
            return Of(path, path, null, token);
        DirectoryInfo temporary = Directory.CreateTempSubdirectory("allocreplay-analyze-");
        try
        {
            SessionSwitch.BringIn(path);
            using (Trace trace = Trace.Open(path))
            {
                var options = new AnalysisOptions { Directory = temporary.FullName, Symbols = reader => symbols.For(parse, reader, terminal, token) };
                terminal.WithProgress($"analyzing {TextLine.Plain(path)}", progress =>
                    Analysis.RunAllAsync(trace, null, options, progress, token).GetAwaiter().GetResult());
            }
            return Of(path, temporary.FullName, temporary, token);
        }
        catch
        {
            temporary.Delete(recursive: true);
            throw;
        }
    }

    public void Dispose()
    {
        Query.Dispose();
        _temporary?.Delete(recursive: true);
    }

    /// <summary>The process images of these names, or all.</summary>
    /// <exception cref="UsageException">There is none of a name.</exception>
    public IReadOnlyList<DatasetProcess> Images(IReadOnlyCollection<string> names)
    {
        IReadOnlyList<DatasetProcess> all = DatasetProcess.AllOf(Query);
        if (names.FirstOrDefault(n => !all.Any(i => i.IsNamed(n))) is { } missing)
            throw new UsageException(
                $"--process {missing}: {Path} has no such process image; there are {string.Join(", ", all.Select(i => NameOf(i, all)))}");
        return names.Count == 0 ? all : [.. all.Where(i => names.Any(i.IsNamed))];
    }

    private static DatasetOperand Of(string path, string directory, DirectoryInfo? temporary, CancellationToken token)
    {
        DatasetQuery query = DatasetQuery.Open(directory);
        query.Ending = token;
        return new DatasetOperand(path, query, temporary);
    }

    /// <summary>A process image's name among others: with its host where another host has one of that name.</summary>
    public static string NameOf(DatasetProcess image, IReadOnlyList<DatasetProcess> all) =>
        all.Count(i => i.Process == image.Process) > 1 ? $"{image.Host}/{image.Process}" : image.Process;
}
