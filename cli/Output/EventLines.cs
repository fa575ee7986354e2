using System.Text;
using AllocReplay.Formats.Calls;

namespace AllocReplay.Cli.Output;

/// <summary>Prints events, a line each: what comes is read while what came before is formatted and written.</summary>
internal sealed class EventLines
{
    /// <summary>Enough to pay for the change of threads, few enough to stay in a cache.</summary>
    private const int BatchEvents = 1024;

    private readonly Terminal _terminal;
    private readonly LineWriter _write;
    private readonly Func<int, (string Instead, string End)?> _endWithStack;
    private readonly byte[] _lines = new byte[BatchEvents * EventText.LineBytes];
    private readonly HashSet<int> _told = []; // stacks
    private TraceEvent[] _reading = new TraceEvent[BatchEvents], _writing = new TraceEvent[BatchEvents];
    private long _left;

    /// <param name="terminal">Where they go.</param>
    /// <param name="isJson">Whether as JSON objects; else as columns, whose header is printed first.</param>
    /// <param name="stacks">What the stacks are: it ends the first line that has one.</param>
    /// <param name="limit">Events at most; null: any.</param>
    public EventLines(Terminal terminal, bool isJson, StackText stacks, long? limit)
    {
        (_terminal, _left) = (terminal, limit ?? long.MaxValue);
        _write = isJson ? EventText.WriteJson : EventText.WriteText;
        _endWithStack = isJson ? stacks.Json : stacks.Text;
        if (!isJson)
            terminal.Out.WriteLine(EventText.Header);
    }

    private delegate int LineWriter(Span<byte> line, in TraceEvent e);

    /// <summary>Fills a batch.</summary>
    /// <returns>Events; fewer than it has room for where no more are there.</returns>
    public delegate int Source(Span<TraceEvent> batch);

    /// <summary>Events printed.</summary>
    public long Printed { get; private set; }

    /// <summary>Whether as many were printed as are wanted.</summary>
    public bool IsFull => _left == 0;

    /// <summary>
    /// Prints what there is. What the writer fails with, the reader is told at its next batch. All is passed on when it returns.
    /// </summary>
    public void Print(Source source)
    {
        Task written = Task.CompletedTask;
        try
        {
            bool isLast;
            do
            {
                int n = source(_reading.AsSpan(0, (int)Math.Min(_left, BatchEvents)));
                _left -= n;
                isLast = n < BatchEvents;
                written.GetAwaiter().GetResult();
                (_reading, _writing) = (_writing, _reading);
                written = Task.Run(() => Write(_writing.AsSpan(0, n)));
            }
            while (!isLast);
        }
        finally
        {
            written.GetAwaiter().GetResult();
        }
    }

    private void Write(ReadOnlySpan<TraceEvent> batch)
    {
        int length = 0;
        foreach (ref readonly TraceEvent e in batch)
        {
            length += _write(_lines.AsSpan(length), e);
            if (e.Stack == 0 || _told.Contains(e.Stack) || _endWithStack(e.Stack) is not var (instead, end))
                continue;
            _told.Add(e.Stack);
            _terminal.Write(_lines.AsSpan(0, length - instead.Length));
            _terminal.Write(Encoding.UTF8.GetBytes(end));
            length = 0;
        }
        _terminal.Write(_lines.AsSpan(0, length));
        Printed += batch.Length;
    }
}
