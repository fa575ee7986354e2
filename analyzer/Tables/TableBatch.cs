using AllocReplay.Analyzer.Parquet;

namespace AllocReplay.Analyzer.Tables;

/// <summary>Rows of a table in columns: what becomes one row group.</summary>
internal sealed class TableBatch<TRow>(int capacity, IReadOnlyList<RowBuffer<TRow>> buffers) where TRow : struct
{
    /// <summary>Rows that are taken apart together: few enough to stay in the nearest cache while each column takes its values.</summary>
    private const int BlockRows = 128;

    private readonly TRow[] _block = new TRow[Math.Min(BlockRows, Math.Max(1, capacity))];
    private int _flushed;
    private int _pending;

    /// <summary>The columns, which hold the rows that were flushed.</summary>
    public IReadOnlyList<Column> Columns { get; } = buffers.Select(b => b.Column).ToArray();

    public int Rows => _flushed + _pending;
    public bool IsFull => Rows == capacity;

    public void Clear() => _flushed = _pending = 0;

    /// <summary>Takes a row; there must be room for it.</summary>
    public void Add(in TRow row)
    {
        _block[_pending++] = row;
        if (_pending == _block.Length)
            Flush();
    }

    /// <summary>Gives the columns the rows that they do not have yet.</summary>
    public void Flush()
    {
        foreach (RowBuffer<TRow> buffer in buffers)
            buffer.Take(_block, _flushed, _pending);
        _flushed += _pending;
        _pending = 0;
    }
}
