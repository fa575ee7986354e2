namespace AllocReplay.Analyzer.Tables;

/// <summary>
/// Makes a property of a row type a column: schema, writer, views of older datasets and <c>docs/reference/dataset.md</c> come from it. The
/// property's type is the column's: <c>long</c>, <c>int</c>, <c>double</c>, <c>bool</c>, <c>string</c>, or an enum that <see cref="ValueNames"/> knows; an
/// <see cref="Formats.Statistics.EstimatedTotal"/> has two (<see cref="EstimateColumns"/>).
/// </summary>
/// <param name="name">Name in the file.</param>
/// <param name="unit">Unit of its values, or what they are where they have none.</param>
/// <param name="meaning">What it tells, as a sentence or a phrase.</param>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class ColumnAttribute(string name, string unit, string meaning) : Attribute
{
    public string Name => name;
    public string Unit => unit;
    public string Meaning => meaning;

    /// <summary>The version of the dataset that first had it, where that is not its table's; in older ones it reads as NULL.</summary>
    public int Since { get; init; } = Table.FirstVersion;

    /// <summary>Numbers that are few and far from one another, such as hashes: differences between them would only hide from zstd that they recur.</summary>
    public bool Repeats { get; init; }
}
