using System.Diagnostics;
using System.Globalization;
using AllocReplay.Analyzer.Parquet;
using AllocReplay.Analyzer.Passes;
using AllocReplay.Analyzer.Tables;

namespace AllocReplay.Analyzer.Fleet;

/// <summary>
/// Makes one dataset of many process images: a file for each table, with <c>host</c> and <c>process</c> as columns in it. A dataset has a directory for each
/// table of each process image; of a thousand of them an engine opens thousands of small files before it reads a row.
/// </summary>
/// <remarks>
/// The embedded DuckDB copies the rows, in the order in which the files have them. What it holds is a few row groups, not the dataset.
/// </remarks>
public static class Compaction
{
    /// <summary>Copies datasets, compacted or not, into a new one.</summary>
    /// <param name="sources">Directories of datasets. No two may hold the same host and process.</param>
    /// <param name="directory">The directory to write; it is made, or is empty.</param>
    /// <param name="progress">Told the share of the tables that are done.</param>
    /// <param name="token">Ends it; nothing is written then.</param>
    /// <exception cref="DatasetException">A source is no dataset, is damaged, or holds a host and process of another.</exception>
    /// <exception cref="DatasetExistsException">There is something at <paramref name="directory"/>.</exception>
    /// <exception cref="DatasetNotWritableException">The directory cannot be written, or the disk is full.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static CompactionResult Run(
        IReadOnlyList<string> sources, string directory, IProgress<double>? progress = null, CancellationToken token = default)
    {
        long start = Stopwatch.GetTimestamp();
        using OutputDirectory output = OutputDirectory.Create(directory, Partition.Whole, force: false);
        (Table Table, string File)[] files =
            [.. DatasetTables.All.Select(t => (t, Path.Combine(output.Stage(t.Name), TableFile.PartName(0))))];
        using var copy = DatasetCopy.Open(sources, output.Staging);
        copy.RequireDistinct();
        var rows = new List<long>();
        foreach ((Table table, string file) in files)
        {
            rows.Add(copy.Write(table, file, Metadata, token));
            progress?.Report((double)rows.Count / files.Length);
        }
        IReadOnlyList<(int Files, long Bytes)> written = output.Commit([.. files.Select(f => f.Table.Name)]);
        return new CompactionResult(
            directory,
            copy.Images,
            copy.Files,
            [.. files.Select((f, i) => new TableResult(f.Table.Name, rows[i], written[i].Files, written[i].Bytes))],
            (long)Stopwatch.GetElapsedTime(start).TotalNanoseconds);
    }

    private static Dictionary<string, string> Metadata => new()
    {
        ["allocreplay.version"] = ProcessRow.Version,
        ["allocreplay.dataset_version"] = DatasetTables.Version.ToString(CultureInfo.InvariantCulture),
    };
}

/// <summary>What a compaction wrote.</summary>
/// <param name="Dataset">The new dataset's directory.</param>
/// <param name="Images">Process images in it.</param>
/// <param name="FilesRead">Files that their tables were in.</param>
/// <param name="Tables">The tables; that of the blocks first.</param>
/// <param name="ElapsedNs">How long it took.</param>
public sealed record CompactionResult(string Dataset, long Images, long FilesRead, IReadOnlyList<TableResult> Tables, long ElapsedNs);
