using System.Collections.Concurrent;
using System.Threading.Channels;
using AllocReplay.Analyzer.Tables;

namespace AllocReplay.Analyzer.Parquet;

/// <summary>
/// Writes the table <c>allocations</c> beside the matching: full batches go round-robin to a few stripes, each a task with a
/// file of its own, since a Parquet file is written by one writer at a time. Which row lands in which file depends on the
/// trace alone, not on the machine or its timing: the same trace gives the same files.
/// </summary>
internal sealed class AllocationWriter : IAllocationSink, IDisposable
{
    /// <summary>Rows of a row group. Engines parallelise and prune by row group, and like 100 thousand to a million rows.</summary>
    public const int GroupRows = 1 << 17;

    private const int Stripes = 4;
    private const int SpareBatches = 2;
    private const int GroupsPerPart = 32;

    private readonly string _directory;
    private readonly IReadOnlyDictionary<string, string> _metadata;
    private readonly CancellationTokenSource _stop;
    private readonly Channel<TableBatch<AllocationRow>>[] _queues;
    private readonly Task[] _writers;
    // Batches are few and go round: that is what bounds memory when writing is slower than matching.
    private readonly BlockingCollection<TableBatch<AllocationRow>> _free = [];
    private readonly int _groupRows;
    private TableBatch<AllocationRow> _current;
    private int _created = 1;
    private int _stripe;

    public AllocationWriter(
        string directory, IReadOnlyDictionary<string, string> metadata, CancellationToken token, int groupRows = GroupRows)
    {
        _directory = directory;
        _metadata = metadata;
        _groupRows = groupRows;
        _current = DatasetTables.Allocations.CreateBatch(groupRows);
        _stop = CancellationTokenSource.CreateLinkedTokenSource(token);
        _queues = Enumerable.Range(0, Stripes).Select(_ => Channel.CreateUnbounded<TableBatch<AllocationRow>>()).ToArray();
        _writers = Enumerable.Range(0, Stripes)
            .Select(stripe => Task.Run(() => WriteStripeAsync(stripe), CancellationToken.None))
            .ToArray();
    }

    public long Rows { get; private set; }

    /// <summary>Rows whose size is the largest that the column can hold.</summary>
    public long SaturatedSizes { get; private set; }

    public void Add(in AllocationRow row)
    {
        if (_current.IsFull)
            NextBatch();
        _current.Add(row);
        Rows++;
        if (row.Size == long.MaxValue)
            SaturatedSizes++;
    }

    /// <summary>Writes what is left and ends the files.</summary>
    public async Task CompleteAsync()
    {
        // A table without rows is a file without rows: a query on it answers, with nothing.
        if (_current.Rows > 0 || Rows == 0)
            Queue(_current);
        foreach (Channel<TableBatch<AllocationRow>> queue in _queues)
            queue.Writer.Complete();
        await Task.WhenAll(_writers).ConfigureAwait(false);
    }

    /// <summary>Stops the writers after a failure and throws the cause if it was theirs.</summary>
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
        if (_free.TryTake(out TableBatch<AllocationRow>? batch))
            _current = batch;
        else if (_created < Stripes + SpareBatches)
        {
            _created++;
            _current = DatasetTables.Allocations.CreateBatch(_groupRows);
        }
        else
            _current = _free.Take(_stop.Token);
        _current.Clear();
    }

    private void Queue(TableBatch<AllocationRow> batch)
    {
        batch.Flush();
        _queues[_stripe].Writer.TryWrite(batch);
    }

    private async Task WriteStripeAsync(int stripe)
    {
        TableFile? file = null;
        int groups = 0;
        try
        {
            await foreach (TableBatch<AllocationRow> batch in _queues[stripe].Reader.ReadAllAsync(_stop.Token).ConfigureAwait(false))
            {
                if (groups % GroupsPerPart == 0)
                {
                    if (file is not null)
                        await file.DisposeAsync().ConfigureAwait(false);
                    string path = Path.Combine(_directory, TableFile.PartName(groups / GroupsPerPart * Stripes + stripe));
                    file = await TableFile.CreateAsync(path, batch.Columns, _metadata, _stop.Token).ConfigureAwait(false);
                }
                groups++;
                if (batch.Rows > 0)
                    await file!.WriteAsync(batch.Columns, batch.Rows, _stop.Token).ConfigureAwait(false);
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
