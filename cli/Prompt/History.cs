namespace AllocReplay.Cli.Prompt;

/// <summary>What was typed before, the latest last, for one who looks through it while a line is edited.</summary>
/// <param name="entries">Of earlier sessions.</param>
/// <param name="keep">Told of each that comes.</param>
internal sealed class History(IEnumerable<string> entries, Action<string> keep)
{
    private readonly List<string> _entries = [.. entries];
    private string _draft = "";
    private int _at; // the entry that is shown; their number: the draft

    /// <summary>Takes an entry, unless it is blank or the same as the last, and begins at the end anew.</summary>
    public void Add(string text)
    {
        text = text.Trim();
        if (text.Length > 0 && (_entries.Count == 0 || _entries[^1] != text))
        {
            _entries.Add(text);
            keep(text);
        }
        Begin();
    }

    /// <summary>A line is edited anew.</summary>
    public void Begin() => (_draft, _at) = ("", _entries.Count);

    /// <summary>The entry before the one that is shown; null where there is none.</summary>
    /// <param name="shown">What is edited: it is there again after the last entry.</param>
    public string? Older(string shown)
    {
        if (_at == 0)
            return null;
        if (_at == _entries.Count)
            _draft = shown;
        return _entries[--_at];
    }

    /// <summary>The entry after the one that is shown, or what was edited; null where that is shown.</summary>
    public string? Newer() => _at == _entries.Count ? null : ++_at == _entries.Count ? _draft : _entries[_at];
}
