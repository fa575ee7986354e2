using System.Reflection;

namespace AllocReplay.Analyzer.Tables;

/// <summary>How a column is stored: the types that every engine reads alike. Values are never null.</summary>
public enum ColumnType
{
    /// <summary>INT64, signed.</summary>
    Int64,
    /// <summary>INT32, signed.</summary>
    Int32,
    /// <summary>DOUBLE.</summary>
    Double,
    /// <summary>BOOLEAN.</summary>
    Boolean,
    /// <summary>BYTE_ARRAY annotated as STRING: UTF-8.</summary>
    Text,
}

/// <summary>A column of a table.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">How it is stored.</param>
/// <param name="Unit">Unit of its values, or what they are where they have none.</param>
/// <param name="Meaning">What it tells.</param>
/// <param name="Since">The version of the dataset that first had it; in older ones it reads as NULL.</param>
public sealed record ColumnInfo(string Name, ColumnType Type, string Unit, string Meaning, int Since);

/// <summary>A table of a dataset: all that there is to know of it, but for its rows.</summary>
public abstract class Table(string name, string meaning, int since)
{
    /// <summary>The version of the first datasets, which every dataset has the tables of.</summary>
    internal const int FirstVersion = 1;

    /// <summary>Its name, and that of its directory.</summary>
    public string Name { get; } = name;
    /// <summary>What a row is.</summary>
    public string Meaning { get; } = meaning;
    /// <summary>The version of the dataset that first had it; in older ones it is empty.</summary>
    public int Since { get; } = since;
    /// <summary>Its columns, in the order of the file. <c>host</c> and <c>process</c>, which the directories' names hold, are not among them.</summary>
    public abstract IReadOnlyList<ColumnInfo> Columns { get; }
}

/// <summary>A table whose columns are those properties of its row type that have a <see cref="ColumnAttribute"/>, in their order.</summary>
internal sealed class Table<TRow>(string name, string meaning, int since = Table.FirstVersion) : Table(name, meaning, since)
    where TRow : struct
{
    private readonly List<RowColumn<TRow>> _columns = typeof(TRow).GetProperties()
        .OrderBy(p => p.MetadataToken)
        .Select(p => (Property: p, Column: p.GetCustomAttribute<ColumnAttribute>()))
        .Where(p => p.Column is not null)
        .SelectMany(p => RowColumn<TRow>.Of(p.Property, p.Column!, since))
        .ToList();

    public override IReadOnlyList<ColumnInfo> Columns => _columns.ConvertAll(c => c.Info);

    /// <summary>Buffers for so many rows, one for each column.</summary>
    public TableBatch<TRow> CreateBatch(int capacity) => new(capacity, _columns.ConvertAll(c => c.CreateBuffer(capacity)));

    /// <summary>A batch of rows that are all there already.</summary>
    public TableBatch<TRow> CreateBatch(IReadOnlyList<TRow> rows)
    {
        TableBatch<TRow> batch = CreateBatch(rows.Count);
        foreach (TRow row in rows)
            batch.Add(row);
        batch.Flush();
        return batch;
    }
}
