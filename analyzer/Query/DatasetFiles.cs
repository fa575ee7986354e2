using AllocReplay.Analyzer.Tables;

namespace AllocReplay.Analyzer.Query;

/// <summary>
/// The files of a dataset. Those of <c>analyze</c> lie in directories that tell host and process; those of <c>compact</c> lie beside each other and have both
/// as columns.
/// </summary>
internal sealed class DatasetFiles
{
    private readonly string _root;
    private readonly string _pattern; // of the root: a path may hold what means more in a pattern

    private DatasetFiles(string directory, string root) => (Directory, _root, _pattern) = (directory, root, Sql.EscapeGlob(root));

    /// <summary>The dataset, as it was named.</summary>
    public string Directory { get; }

    /// <summary>What an engine has to be allowed to read: patterns, and the files that they find, are both looked at.</summary>
    public IReadOnlyList<string> Allowed => [_root + "/", _pattern + "/"];

    /// <exception cref="DatasetException">There is no dataset at the path.</exception>
    public static DatasetFiles Find(string directory) => Find(directory, DatasetTables.All);

    /// <inheritdoc cref="Find(string)"/>
    public static DatasetFiles Find(string directory, IReadOnlyList<Table> tables)
    {
        string root = Path.GetFullPath(directory).TrimEnd('/');
        if (File.Exists(root))
            throw new DatasetException(directory, "expected a dataset's directory, found a file; 'allocreplay analyze' makes a dataset of a trace");
        if (!System.IO.Directory.Exists(root))
            throw new DatasetException(directory, "no such dataset");
        var files = new DatasetFiles(directory, root);
        foreach (Table table in tables.Where(t => t.Since == Table.FirstVersion && !files.Has(t)))
            throw new DatasetException(directory, $"expected a dataset as 'analyze' writes it, found no table {table.Name}");
        return files;
    }

    public bool Has(Table table) => FilesOf(table).Any();

    public long CountOf(Table table) => FilesOf(table).Count();

    /// <summary>A SELECT of the rows of a table that has files.</summary>
    /// <param name="table">The table.</param>
    /// <param name="areAlike">Whether all its files are known to have the same columns.</param>
    public string RowsOf(Table table, bool areAlike = false) => Sql.RowsOf(PatternOf(table), areAlike);

    /// <summary>A pattern that finds the files of a table.</summary>
    public string PatternOf(Table table) => $"{_pattern}/{table.Name}/**/*.parquet";

    private IEnumerable<string> FilesOf(Table table)
    {
        string path = Path.Combine(_root, table.Name);
        return System.IO.Directory.Exists(path)
            ? System.IO.Directory.EnumerateFiles(path, "*.parquet", SearchOption.AllDirectories)
            : [];
    }
}
