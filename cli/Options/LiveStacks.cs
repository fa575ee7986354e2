using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Formats.Stacks;
using AllocReplay.Symbols;

namespace AllocReplay.Cli.Options;

/// <summary>
/// The stacks of a recording in progress, by the functions on them: read and named anew when one is met that is not known. A stack may come to disk a
/// moment after the first call that has it.
/// </summary>
/// <param name="reader">The process image.</param>
/// <param name="options">Where symbols are looked for.</param>
/// <param name="terminal">Told what cannot be read.</param>
/// <param name="token">Ends it.</param>
internal sealed class LiveStacks(TraceFollower reader, SymbolOptions options, Terminal terminal, CancellationToken token) : IDisposable
{
    private readonly Symbolizer _symbolizer = new(options, token);
    private FrameTable _frames = FrameTable.Empty;
    private SymbolTable _symbols = SymbolTable.Empty;
    private bool _mayKnowMore;
    private string? _problem;

    /// <summary>The files were looked at: there may be stacks that were not there before.</summary>
    public void HasLooked() => _mayKnowMore = true;

    /// <summary>The functions on a stack; null where they are not there yet.</summary>
    public StackLines? Of(int stack)
    {
        if (_symbols.FramesOf(_frames, stack, out _).Count == 0 && _mayKnowMore)
            Read();
        return StackLines.Of(stack, _frames, _symbols) is { Lines.Count: > 0 } known ? known : null;
    }

    public void Dispose() => _symbolizer.Dispose();

    private void Read()
    {
        _mayKnowMore = false;
        try
        {
            _frames = reader.ReadFrames();
            _symbols = _symbolizer.Resolve(_frames, reader.Process, _symbols).Symbols;
        }
        catch (OperationCanceledException)
        {
            // The events that were read are printed, without names.
        }
        catch (Exception e) when (e is TraceFormatException or IOException or UnauthorizedAccessException)
        {
            // Names are not worth more than the events.
            if (_problem != e.Message)
                terminal.Note($"allocreplay: warning: {_problem = e.Message}");
        }
    }
}
