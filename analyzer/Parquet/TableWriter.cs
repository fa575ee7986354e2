using System.Collections.Concurrent;
using System.Threading.Channels;
using AllocReplay.Analyzer.Tables;

namespace AllocReplay.Analyzer.Parquet;

/// <summary>A table that is being written, whatever its rows are.</summary>
internal interface ITableWriter
{
    Table Table { get; }

    long Rows { get; }

    /// <summary>Writes what is left and ends the files.</summary>
    Task CompleteAsync();

    /// <summary>Stops the writers after a failure and throws the cause if it was theirs.</summary>
    Task AbortAsync();
}

/// <summary>
/// Writes a large table beside what makes its rows: full batches go round-robin to a few stripes, each a task with a
/// file of its own, since a Parquet file is written by one writer at a time. Which row lands in which file depends on the
/// trace alone, not on the machine or its timing: the same trace gives the same files.
/// </summary>
internal sealed class TableWriter<TRow> : ITableWriter, IDisposable where TRow : struct
{
    /// <summary>Rows of a row group. Engines parallelise and prune by row group, and like 100 thousand to a million rows.</summary>
    public const int GroupRows = 1 << 17;

    private const int Stripes = 4;
    private const int SpareBatches = 2;
    private const int GroupsPerPart = 32;

    private readonly Table<TRow> _table;
    private readonly string _directory;
    private readonly FileFormat _format;
    private readonly SemaphoreSlim? _turn;
    private readonly CancellationTokenSource _stop;
    private readonly Channel<TableBatch<TRow>>[] _queues;
    private readonly Task[] _writers;
    // Batches are few and go round: that is what bounds memory when writing is slower than matching.
    private readonly BlockingCollection<TableBatch<TRow>> _free = [];
    private readonly int _groupRows;
    private TableBatch<TRow> _current;
    private int _created = 1;
    private int _stripe;

    /// <param name="table">The table.</param>
    /// <param name="directory">Where its files go.</param>
    /// <param name="format">Of the files.</param>
    /// <param name="token">Ends the writing.</param>
    /// <param name="turn">Taken by each task while it writes a row group; null where none has to wait. Of no matter to what is written.</param>
    /// <param name="groupRows">Rows of a row group.</param>
    public TableWriter(
        Table<TRow> table, string directory, FileFormat format, CancellationToken token, SemaphoreSlim? turn = null, int groupRows = GroupRows)
    {
        (_table, _directory, _format, _turn) = (table, directory, format, turn);
        _groupRows = groupRows;
        _current = _table.CreateBatch(groupRows);
        _stop = CancellationTokenSource.CreateLinkedTokenSource(token);
        _queues = Enumerable.Range(0, Stripes).Select(_ => Channel.CreateUnbounded<TableBatch<TRow>>()).ToArray();
        _writers = Enumerable.Range(0, Stripes)
            .Select(stripe => Task.Run(() => WriteStripeAsync(stripe), CancellationToken.None))
            .ToArray();
    }

    public Table Table => _table;

    public long Rows { get; private set; }

    public void Add(in TRow row)
    {
        if (_current.IsFull)
            NextBatch();
        _current.Add(row);
        Rows++;
    }

    public async Task CompleteAsync()
    {
        // A table without rows is a file without rows: a query on it answers, with nothing.
        if (_current.Rows > 0 || Rows == 0)
            Queue(_current);
        foreach (Channel<TableBatch<TRow>> queue in _queues)
            queue.Writer.Complete();
        await Task.WhenAll(_writers).ConfigureAwait(false);
    }

    public async Task AbortAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        try
        {
            await Task.WhenAll(_writers).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The writers that were stopped; a fault of one of them is rethrown.
        }
    }

    public void Dispose()
    {
        _free.Dispose();
        _stop.Dispose();
    }

    private void NextBatch()
    {
        Queue(_current);
        _stripe = (_stripe + 1) % Stripes;
        if (_free.TryTake(out TableBatch<TRow>? batch))
            _current = batch;
        else if (_created < Stripes + SpareBatches)
        {
            _created++;
            _current = _table.CreateBatch(_groupRows);
        }
        else
            _current = _free.Take(_stop.Token);
        _current.Clear();
    }

    private void Queue(TableBatch<TRow> batch)
    {
        batch.Flush();
        _queues[_stripe].Writer.TryWrite(batch);
    }

    private async Task WriteAsync(TableFile file, TableBatch<TRow> batch)
    {
        if (_turn is not null)
            await _turn.WaitAsync(_stop.Token).ConfigureAwait(false);
        try
        {
            await file.WriteAsync(batch.Columns, batch.Rows, _stop.Token).ConfigureAwait(false);
        }
        finally
        {
            _turn?.Release();
        }
    }

    private async Task WriteStripeAsync(int stripe)
    {
        TableFile? file = null;
        int groups = 0;
        try
        {
            await foreach (TableBatch<TRow> batch in _queues[stripe].Reader.ReadAllAsync(_stop.Token).ConfigureAwait(false))
            {
                if (groups % GroupsPerPart == 0)
                {
                    if (file is not null)
                        await file.DisposeAsync().ConfigureAwait(false);
                    string path = Path.Combine(_directory, TableFile.PartName(groups / GroupsPerPart * Stripes + stripe));
                    file = await TableFile.CreateAsync(path, batch.Columns, _format, _stop.Token).ConfigureAwait(false);
                }
                groups++;
                if (batch.Rows > 0)
                    await WriteAsync(file!, batch).ConfigureAwait(false);
                _free.Add(batch, CancellationToken.None);
            }
        }
        catch
        {
            // The matcher may be waiting for a batch that this task will not give back.
            await _stop.CancelAsync().ConfigureAwait(false);
            throw;
        }
        finally
        {
            if (file is not null)
                await file.DisposeAsync().ConfigureAwait(false);
        }
    }
}
