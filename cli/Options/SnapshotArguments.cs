using System.CommandLine;
using AllocReplay.Cli.Output;

namespace AllocReplay.Cli.Options;

/// <summary>When a recording takes a snapshot by itself.</summary>
/// <param name="AtExit">When the command has ended.</param>
/// <param name="AtCrash">When a signal has ended it.</param>
/// <param name="LiveBytes">Once a process has more bytes live; null: not for that.</param>
internal sealed record SnapshotOccasions(bool AtExit, bool AtCrash, long? LiveBytes)
{
    public bool IsAny => AtExit || AtCrash || LiveBytes is not null;
}

/// <summary>The option that names them.</summary>
internal sealed class SnapshotArguments
{
    private readonly Option<string[]> _on = new("--snapshot-on")
    {
        Description = "Write a packed trace of what there is, by itself: exit, when the command has ended; crash, when a signal has ended it; live>2G, once a "
            + "process has more than that live. It is NAME.exit.alloctrace, and so on, NAME being the recording's.",
        HelpName = "exit|crash|live>N",
    };

    public void AddTo(Command command) => command.Add(_on);

    /// <exception cref="UsageException">It is no occasion.</exception>
    public SnapshotOccasions Of(ParseResult parse)
    {
        var occasions = new SnapshotOccasions(false, false, null);
        foreach (string word in (parse.GetValue(_on) ?? []).SelectMany(w => w.Split(',')))
        {
            occasions = word switch
            {
                "exit" => occasions with { AtExit = true },
                "crash" => occasions with { AtCrash = true },
                _ when word.StartsWith("live>", StringComparison.Ordinal) =>
                    occasions with { LiveBytes = Quantity.ParseBytes("--snapshot-on live>", word["live>".Length..]) },
                _ => throw new UsageException($"--snapshot-on {word}: expected exit, crash or live> and a size, such as live>2G"),
            };
        }
        return occasions;
    }
}
