using System.CommandLine;
using AllocReplay.Cli.Output;

namespace AllocReplay.Cli.Options;

/// <summary>How much of a recording is kept whole: a size, a time, or both, of which the one that is reached first holds.</summary>
internal sealed class KeepArguments
{
    private readonly Option<string[]> _keep = new("--keep")
    {
        Description = "Keep the latest part of the recording whole, up to a size (2G) or a time (15m); of all that is older, only the blocks that are still "
            + "live. With both, what is reached first holds. The least size is 1M.",
        HelpName = "size|time",
    };

    public void AddTo(Command command) => command.Add(_keep);

    /// <summary>Bytes, or 0 for any, and the time, or null for any.</summary>
    /// <exception cref="UsageException">It is neither.</exception>
    public (long Bytes, TimeSpan? Time) Of(ParseResult parse)
    {
        (long bytes, TimeSpan? time) = (0, null);
        foreach (string word in (parse.GetValue(_keep) ?? []).SelectMany(w => w.Split(',')))
        {
            // 15m is a time, 15M a size: so it is read as written.
            if (word.EndsWith('s') || word.EndsWith('m') || word.EndsWith('h'))
                time = time is null ? Quantity.ParseTime("--keep", word) : throw new UsageException("--keep: give one time");
            else if (word.Length > 0 && char.IsLetter(word[^1]))
                bytes = bytes == 0 ? AtLeast(word, Quantity.ParseBytes("--keep", word)) : throw new UsageException("--keep: give one size");
            else
                throw new UsageException($"--keep {word}: expected a size such as 2G or a time such as 15m");
        }
        return (bytes, time);
    }

    private static long AtLeast(string word, long bytes)
    {
        const long least = 1 << 20;
        return bytes >= least ? bytes
            : throw new UsageException($"--keep {word}: expected 1M or more, as each thread has up to 256 KiB of it; 8M is a good beginning");
    }
}
