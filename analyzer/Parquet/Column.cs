using System.Buffers;
using Parquet;
using Parquet.Schema;

namespace AllocReplay.Analyzer.Parquet;

/// <summary>
/// A column of a table and a buffer of its values. Only types that every engine reads alike: INT32, INT64, DOUBLE, BOOLEAN and STRING,
/// never null.
/// </summary>
internal abstract class Column(string name, Type type, EncodingHint encoding)
{
    /// <summary>Of whole numbers: delta encoding is smaller and faster than plain, for ids, times and sizes alike; plain it is where values recur.</summary>
    protected static EncodingHint OfNumbers(bool repeats) => repeats ? EncodingHint.Default : EncodingHint.DeltaBinaryPacked;

    public string Name { get; } = name;
    public EncodingHint Encoding { get; } = encoding;

    public DataField CreateField() => new(Name, type, isNullable: false);

    /// <summary>Writes the first values of the buffer as the next column of a row group.</summary>
    public abstract Task WriteAsync(ParquetRowGroupWriter group, DataField field, int rows, CancellationToken token);
}

internal sealed class Int64Column(string name, int capacity, bool repeats = false) : Column(name, typeof(long), OfNumbers(repeats))
{
    public long[] Values { get; } = new long[capacity];

    public override Task WriteAsync(ParquetRowGroupWriter group, DataField field, int rows, CancellationToken token) =>
        group.WriteAsync<long>(field, Values.AsMemory(0, rows), cancellationToken: token);
}

internal sealed class Int32Column(string name, int capacity, bool repeats = false) : Column(name, typeof(int), OfNumbers(repeats))
{
    public int[] Values { get; } = new int[capacity];

    public override Task WriteAsync(ParquetRowGroupWriter group, DataField field, int rows, CancellationToken token) =>
        group.WriteAsync<int>(field, Values.AsMemory(0, rows), cancellationToken: token);
}

internal sealed class DoubleColumn(string name, int capacity) : Column(name, typeof(double), EncodingHint.Default)
{
    public double[] Values { get; } = new double[capacity];

    public override Task WriteAsync(ParquetRowGroupWriter group, DataField field, int rows, CancellationToken token) =>
        group.WriteAsync<double>(field, Values.AsMemory(0, rows), cancellationToken: token);
}

internal sealed class BooleanColumn(string name, int capacity) : Column(name, typeof(bool), EncodingHint.Default)
{
    public bool[] Values { get; } = new bool[capacity];

    public override Task WriteAsync(ParquetRowGroupWriter group, DataField field, int rows, CancellationToken token) =>
        group.WriteAsync<bool>(field, Values.AsMemory(0, rows), cancellationToken: token);
}

internal sealed class TextColumn(string name, int capacity) : Column(name, typeof(string), EncodingHint.Default)
{
    public string[] Values { get; } = new string[capacity];

    public override Task WriteAsync(ParquetRowGroupWriter group, DataField field, int rows, CancellationToken token) =>
        group.WriteAsync<ReadOnlyMemory<char>>(field, Array.ConvertAll(Values[..rows], v => v.AsMemory()), cancellationToken: token);
}

/// <summary>Text out of a short list, buffered as one byte a row.</summary>
internal sealed class NameColumn(string name, int capacity, IReadOnlyList<string> names)
    : Column(name, typeof(string), EncodingHint.Dictionary)
{
    private readonly ReadOnlyMemory<char>[] _names = names.Select(n => n.AsMemory()).ToArray();

    /// <summary>Indexes into the list of names.</summary>
    public byte[] Codes { get; } = new byte[capacity];

    public override async Task WriteAsync(ParquetRowGroupWriter group, DataField field, int rows, CancellationToken token)
    {
        ReadOnlyMemory<char>[] text = ArrayPool<ReadOnlyMemory<char>>.Shared.Rent(rows);
        for (int i = 0; i < rows; i++)
            text[i] = _names[Codes[i]];
        await group.WriteAsync<ReadOnlyMemory<char>>(field, text.AsMemory(0, rows), cancellationToken: token).ConfigureAwait(false);
        ArrayPool<ReadOnlyMemory<char>>.Shared.Return(text);
    }
}
