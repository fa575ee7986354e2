using AllocReplay.Formats;
using AllocReplay.Formats.Stacks;
using AllocReplay.Symbols;

namespace AllocReplay.Cli.Options;

/// <summary>What the sites of a recording in progress are called. Symbols are found on another thread, so that nobody waits for them: until they are there,
/// and where there are none, a site is named by its module and offset.</summary>
/// <param name="readFrames">Reads the stacks that there are now.</param>
/// <param name="process">The process image.</param>
/// <param name="options">Where symbols are looked for.</param>
internal sealed class LiveSites(Func<FrameTable> readFrames, ProcessInfo process, SymbolOptions options) : IDisposable
{
    private readonly CancellationTokenSource _end = new();
    private readonly Dictionary<int, LiveSite?> _sites = []; // by stack, of _known
    private (FrameTable Frames, SymbolTable Symbols) _known = (FrameTable.Empty, SymbolTable.Empty);
    private (FrameTable Frames, SymbolTable Symbols)? _found; // by the other thread; null: taken
    private readonly Lock _lock = new(); // of _found
    private Task _finding = Task.CompletedTask;
    private bool _isUnknownMet;

    /// <summary>Names of sites that nothing is known of yet.</summary>
    private static readonly LiveSite Unknown = new("", "", "", 0);

    /// <summary>The site that a stack is of. Of one that is not known, it is empty.</summary>
    /// <param name="stack">As in <see cref="Formats.Calls.TraceEvent.Stack"/>.</param>
    public LiveSite Of(int stack)
    {
        if (stack == 0)
            return Unknown;
        if (_sites.TryGetValue(stack, out LiveSite? site) && site is not null)
            return site;
        IReadOnlyList<Frame> frames = _known.Symbols.FramesOf(_known.Frames, stack, out _);
        if (frames.Count == 0)
        {
            _isUnknownMet = true; // its frames come a moment after its first call
            return Unknown;
        }
        StackLine[] lines = [.. _known.Symbols.Lines(frames)];
        StackLine line = lines[SiteName.IndexIn(lines)];
        string file = line.Function?.File is { Length: > 0 } path ? Path.GetFileName(path) : "";
        int number = line.Function?.Line ?? 0;
        site = new LiveSite(SiteName.Of(line), SiteName.Short(line.Name), file, number);
        _sites[stack] = site;
        return site;
    }

    /// <summary>Takes what was found meanwhile, and has more found where there is something new.</summary>
    public void Update()
    {
        lock (_lock)
        {
            if (_found is { } found)
            {
                _known = found;
                _sites.Clear();
            }
            _found = null;
        }
        if (!_isUnknownMet || !_finding.IsCompleted || _end.IsCancellationRequested)
            return;
        _isUnknownMet = false;
        SymbolTable before = _known.Symbols;
        _finding = Task.Run(() => Find(before));
    }

    /// <summary>Waits until what is being found is there.</summary>
    public void Await(CancellationToken token)
    {
        try
        {
            _finding.Wait(token);
        }
        catch (OperationCanceledException)
        {
            // Then without.
        }
    }

    public void Dispose() => _end.Cancel(); // what is being found is left: nobody waits for it

    private void Find(SymbolTable before)
    {
        try
        {
            FrameTable frames = readFrames();
            Tell(frames, before);
            using var symbolizer = new Symbolizer(options, _end.Token);
            Tell(frames, symbolizer.Resolve(frames, process, before).Symbols);
        }
        catch (Exception e) when (e is OperationCanceledException or TraceFormatException or IOException or UnauthorizedAccessException)
        {
            // Names are not worth more: the sites keep those that they have.
        }
    }

    private void Tell(FrameTable frames, SymbolTable symbols)
    {
        lock (_lock)
            _found = (frames, symbols);
    }
}

/// <summary>A call site as it is shown.</summary>
/// <param name="Name">As <c>function (file:line)</c>, as far as it is known; empty where nothing is.</param>
/// <param name="Function">The function, shortened; without symbols <c>module+0xoffset</c>.</param>
/// <param name="File">The source file, without its directories; empty where it is not known.</param>
/// <param name="Line">From 1; 0 where it is not known.</param>
internal sealed record LiveSite(string Name, string Function, string File, int Line);
