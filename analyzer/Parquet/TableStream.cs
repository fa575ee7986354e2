using AllocReplay.Analyzer.Tables;

namespace AllocReplay.Analyzer.Parquet;

/// <summary>Writes a table row by row, into one file: what is held is a row group.</summary>
internal sealed class TableStream<TRow> : IAsyncDisposable where TRow : struct
{
    private const int GroupRows = 1 << 16;

    /// <summary>Of text in a row group: names may be long.</summary>
    private const int GroupCharacters = 1 << 23;

    private readonly TableBatch<TRow> _batch;
    private readonly TableFile _file;
    private readonly CancellationToken _token;
    private int _characters;

    private TableStream(TableBatch<TRow> batch, TableFile file, CancellationToken token) => (_batch, _file, _token) = (batch, file, token);

    public long Rows { get; private set; }

    public static async Task<TableStream<TRow>> CreateAsync(
        string directory, Table<TRow> table, FileFormat format, CancellationToken token)
    {
        TableBatch<TRow> batch = table.CreateBatch(GroupRows);
        string path = Path.Combine(directory, TableFile.PartName(0));
        return new(batch, await TableFile.CreateAsync(path, batch.Columns, format, token).ConfigureAwait(false), token);
    }

    /// <param name="row">The row.</param>
    /// <param name="characters">Of its texts.</param>
    public ValueTask AddAsync(in TRow row, int characters = 0)
    {
        _batch.Add(row);
        Rows++;
        _characters += characters;
        return _batch.IsFull || _characters >= GroupCharacters ? new ValueTask(FlushAsync()) : ValueTask.CompletedTask;
    }

    /// <summary>Writes what is left. A table without rows is a file without rows.</summary>
    public Task CompleteAsync() => _batch.Rows > 0 ? FlushAsync() : Task.CompletedTask;

    public ValueTask DisposeAsync() => _file.DisposeAsync();

    private async Task FlushAsync()
    {
        _batch.Flush();
        await _file.WriteAsync(_batch.Columns, _batch.Rows, _token).ConfigureAwait(false);
        _batch.Clear();
        _characters = 0;
    }
}
