namespace AllocReplay.Cli.Prompt;

/// <summary>What may stand before the cursor.</summary>
/// <param name="Length">Chars before the cursor that a word replaces.</param>
/// <param name="Words">The words that begin as those, sorted.</param>
/// <param name="After">What follows a word that is whole.</param>
internal readonly record struct Completion(int Length, IReadOnlyList<string> Words, string After = "")
{
    public static readonly Completion None = new(0, []);

    /// <summary>What all words begin with.</summary>
    public string Common
    {
        get
        {
            string first = Words.Count == 0 ? "" : Words[0];
            int length = first.Length;
            foreach (string word in Words)
                while (!word.StartsWith(first[..length], StringComparison.OrdinalIgnoreCase))
                    length--;
            return first[..length];
        }
    }
}
