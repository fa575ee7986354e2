using System.Text.RegularExpressions;
using AllocReplay.Analyzer.Query;
using AllocReplay.Analyzer.Tables;

namespace AllocReplay.Cli.Prompt;

/// <summary>Completes commands and what they take, and names of tables, views and columns in statements.</summary>
/// <param name="columnsOf">Columns of a table or view.</param>
internal sealed partial class QueryCompleter(Func<string, IReadOnlyList<string>> columnsOf)
{
    private static readonly string[] AllColumns = [.. DatasetTables.All.SelectMany(t => t.Columns).Select(c => c.Name).Append("host").Append("process")];

    /// <summary>What may stand before a cursor.</summary>
    public Completion At(string text, int cursor)
    {
        string before = text[..cursor];
        int line = before.LastIndexOf('\n') + 1;
        if (before[line..].TrimStart().StartsWith('.') && InputSplitter.Split(before[..line]).Rest.Length == 0)
            return InCommand(before[line..].TrimStart());
        string statement = InputSplitter.Split(before).Rest;
        if (!InputSplitter.IsCode(statement))
            return Completion.None;
        string typed = LastWord().Match(statement).Value;
        if (FromWord().IsMatch(statement))
            return Matching(typed, QueryNames.Sources, "");
        return typed.Length == 0 ? Completion.None : Matching(typed, [.. QueryNames.Sources, .. Columns(text[(cursor - statement.Length)..])], "");
    }

    private static Completion InCommand(string command)
    {
        string[] words = command.Split(' ', '\t');
        string typed = words[^1];
        if (words.Length == 1)
            return Matching(typed, PromptCommands.All.Select(c => c.Name), " ");
        string[] given = [.. words[1..^1].Where(w => w.Length > 0)];
        return (words[0], given) switch
        {
            (PromptCommands.Format, []) => Matching(typed, PromptCommands.Formats, ""),
            (PromptCommands.Schema, []) => Matching(typed, QueryNames.Sources, ""),
            (PromptCommands.View, []) => Matching(typed, NamedView.All.Select(v => v.Name), " "),
            (PromptCommands.View, [var name, .. var set]) => Matching(typed, NamedView.All.Where(v => v.Name == name)
                .SelectMany(v => v.Parameters.Select(p => p.Name + "=")).Where(p => !set.Any(s => s.StartsWith(p, StringComparison.Ordinal))), ""),
            _ => Completion.None,
        };
    }

    /// <summary>Columns of the tables and views that a statement names; of all tables, where it names none yet.</summary>
    private IEnumerable<string> Columns(string statement)
    {
        HashSet<string> words = [.. Words().Matches(statement).Select(m => m.Value)];
        string[] named = [.. QueryNames.Sources.Where(words.Contains)];
        return named.Length == 0 ? AllColumns : named.SelectMany(columnsOf);
    }

    private static Completion Matching(string typed, IEnumerable<string> words, string after) => new(typed.Length,
        [.. words.Where(w => w.StartsWith(typed, StringComparison.OrdinalIgnoreCase)).Distinct().Order(StringComparer.Ordinal)], after);

    [GeneratedRegex(@"\w*\z")]
    private static partial Regex LastWord();

    [GeneratedRegex(@"\w+")]
    private static partial Regex Words();

    [GeneratedRegex(@"\b(?:FROM|JOIN|DESCRIBE|SUMMARIZE)\s+\w*\z", RegexOptions.IgnoreCase)]
    private static partial Regex FromWord();
}
