namespace AllocReplay.Replayer.Verify;

/// <summary>Counts edges of one kind.</summary>
internal sealed class Tally
{
    private long _held, _failed, _skipped;
    private string? _first;

    public void Hold() => _held++;

    public void Skip() => _skipped++;

    public void Fail(Func<string> what)
    {
        _failed++;
        _first ??= what();
    }

    public EdgeCheck ToCheck(string name, string meaning) => new()
    {
        Name = name,
        Meaning = meaning,
        Checked = _held + _failed,
        Held = _held,
        NotChecked = _skipped,
        FirstViolation = _first,
    };
}
