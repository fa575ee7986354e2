using AllocReplay.Analyzer.Parquet;
using AllocReplay.Analyzer.Query;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Formats;

namespace AllocReplay.Analyzer.Report;

/// <summary>Whether a dataset that was made earlier can stand for a trace.</summary>
public static class DatasetOfTrace
{
    /// <summary>Whether a path is that of a dataset, not of a trace.</summary>
    public static bool IsDataset(string path) =>
        Directory.Exists(Path.Combine(path, DatasetTables.Allocations.Name)) && !Trace.IsRecording(path);

    /// <summary>
    /// Whether a dataset has the process image of this trace, all of it, made after the trace was written and by this version. One that cannot be read is
    /// no failure: the trace is there.
    /// </summary>
    /// <param name="directory">The dataset's directory; it need not be there.</param>
    /// <param name="reader">The process image.</param>
    /// <param name="token">Ends it.</param>
    public static bool Is(string directory, TraceReader reader, CancellationToken token)
    {
        if (!IsDataset(directory))
            return false;
        try
        {
            var partition = new Partition(reader.Session?.Host ?? "", reader.Image);
            string rows = partition.DirectoryOf(directory, DatasetTables.Process.Name);
            if (!Directory.Exists(rows) || LastWrite(rows) <= LastWrite(reader.Trace.Path))
                return false;
            using DatasetQuery query = DatasetQuery.Open(directory);
            return query.Rows(
                "SELECT started_epoch_ns, pid, events, state, damage, analyzer_version FROM process "
                    + $"WHERE host = {Sql.Literal(partition.Host)} AND process = {Sql.Literal(partition.Process)}",
                r => r.GetInt64(0) == ProcessRow.EpochNs(reader.Process.Started) && r.GetInt64(1) == reader.Process.Pid
                    // A part of a trace has fewer; a recording that is not packed does not tell how many it has, but whether it still goes on.
                    && r.GetInt64(2) == (reader.EventCount ?? r.GetInt64(2)) && r.GetString(3) != "recording" && r.GetString(4).Length == 0
                    && r.GetString(5) == ProcessRow.Version,
                token).FirstOrDefault();
        }
        catch (Exception e) when (e is DatasetException or IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static DateTime LastWrite(string path) => File.Exists(path)
        ? File.GetLastWriteTimeUtc(path)
        : new DirectoryInfo(path).EnumerateFiles("*", SearchOption.AllDirectories).Select(f => f.LastWriteTimeUtc).DefaultIfEmpty().Max();
}
