using System.Text.RegularExpressions;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Formats;
using AllocReplay.Formats.Files;

namespace AllocReplay.Analyzer.Parquet;

/// <summary>
/// Where an analysis writes. Everything goes to a staging directory first and is moved to its final name when the whole is
/// there: an analysis that is interrupted leaves no table, or the old one.
/// </summary>
internal sealed partial class OutputDirectory : IDisposable
{
    private const string StagingPrefix = ".allocreplay-";
    private const string LockFile = "lock";

    private readonly string _root;
    private readonly Partition _partition;
    private readonly string _staging;
    private readonly FileStream _lock;
    private readonly bool _rootIsNew;

    private OutputDirectory(string root, Partition partition, bool rootIsNew)
    {
        _root = root;
        _partition = partition;
        _rootIsNew = rootIsNew;
        _staging = Path.Combine(root, StagingPrefix + Guid.NewGuid().ToString("N"));
        PrivateFile.CreateDirectory(_staging);
        // Held while we run, so that a later analysis can tell an abandoned staging directory from one in use.
        _lock = PrivateFile.Create(Path.Combine(_staging, LockFile), FileMode.CreateNew, share: FileShare.None);
    }

    /// <exception cref="DatasetExistsException">There is something at the path, and <paramref name="force"/> is not given.</exception>
    /// <exception cref="DatasetNotWritableException">It cannot be created, or not be written into.</exception>
    public static OutputDirectory Create(string root, Partition partition, bool force) =>
        Writing(root, () => CreateAt(Path.GetFullPath(root), partition, force));

    private static OutputDirectory CreateAt(string root, Partition partition, bool force)
    {
        if (File.Exists(root))
            throw new DatasetExistsException(root, "is a file; a dataset is a directory", null);
        if (Trace.IsRecording(root) || Trace.RecordingAround(root) is not null)
            throw new DatasetExistsException(root, "is a recording, or inside one; a dataset has a directory of its own", null);
        bool isNew = !Directory.Exists(root);
        if (!isNew)
        {
            RemoveAbandoned(root);
            bool isCompact = IsCompact(root);
            if (isCompact && force)
                throw new DatasetExistsException(root, "is a compacted dataset: nothing is added to it", null);
            if (!force && Directory.EnumerateFileSystemEntries(root).Any())
                throw new DatasetExistsException(root, "is not empty", partition.Key.Length == 0 || isCompact ? null : partition.Key);
        }
        return new OutputDirectory(root, partition, isNew);
    }

    /// <summary>Where all that is written lies until it has its name.</summary>
    public string Staging => _staging;

    /// <summary>The directory to write a table's files into.</summary>
    public string Stage(string table)
    {
        string directory = Path.Combine(_staging, table);
        PrivateFile.CreateDirectory(directory);
        return directory;
    }

    /// <summary>Gives the tables their final names, in the order given, replacing this process's files and no others.</summary>
    /// <returns>The number and bytes of files of each table.</returns>
    /// <exception cref="DatasetNotWritableException">They cannot be moved there.</exception>
    public IReadOnlyList<(int Files, long Bytes)> Commit(IReadOnlyList<string> tables) => Writing(_root, () => CommitAll(tables));

    private List<(int Files, long Bytes)> CommitAll(IReadOnlyList<string> tables)
    {
        // Of all tables: what an earlier analysis wrote and this one does not goes too.
        foreach (string final in DatasetTables.All.Select(t => _partition.DirectoryOf(_root, t.Name)).Where(Directory.Exists))
            foreach (string old in Directory.GetFiles(final).Where(f => PartName().IsMatch(Path.GetFileName(f))))
                File.Delete(old);
        foreach (string table in tables)
            PrivateFile.CreateDirectory(_partition.DirectoryOf(_root, table));
        return tables.Select(Move).ToList();
    }

    public void Dispose()
    {
        _lock.Dispose();
        Directory.Delete(_staging, recursive: true);
        if (_rootIsNew && !Directory.EnumerateFileSystemEntries(_root).Any())
            Directory.Delete(_root);
    }

    /// <summary>Whether the files of its tables lie beside each other, without directories that tell host and process.</summary>
    private static bool IsCompact(string root)
    {
        string process = Path.Combine(root, DatasetTables.Process.Name);
        return Directory.Exists(process) && Directory.EnumerateFiles(process, "*.parquet").Any();
    }

    private (int, long) Move(string table)
    {
        FileInfo[] files = new DirectoryInfo(Path.Combine(_staging, table)).GetFiles();
        long bytes = files.Sum(f => f.Length);
        foreach (FileInfo file in files)
            file.MoveTo(Path.Combine(_partition.DirectoryOf(_root, table), file.Name));
        return (files.Length, bytes);
    }

    private static T Writing<T>(string root, Func<T> write)
    {
        try
        {
            return write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DatasetNotWritableException(root, e);
        }
    }

    /// <summary>Removes what an analysis that was killed has left: a staging directory whose lock nobody holds.</summary>
    private static void RemoveAbandoned(string root)
    {
        foreach (string staging in Directory.GetDirectories(root, StagingPrefix + "*"))
        {
            try
            {
                using (new FileStream(Path.Combine(staging, LockFile), FileMode.Open, FileAccess.Write, FileShare.None))
                    Directory.Delete(staging, recursive: true);
            }
            catch (IOException)
            {
                // In use, or not one of ours.
            }
        }
    }

    [GeneratedRegex(@"^part-\d{5,}\.parquet$")]
    private static partial Regex PartName();
}
