using AllocReplay.Analyzer.Query;

namespace AllocReplay.Analyzer.Check;

/// <summary>The stacks of a dataset that suppressions match: a function, a source file or a module of any frame, inlined functions too.</summary>
internal sealed class SuppressedStacks
{
    private readonly Dictionary<(string Host, string Process), Dictionary<int, int>> _first = []; // stacks → the first suppression that matches
    private readonly HashSet<int> _used = [];

    public SuppressedStacks(DatasetQuery query, IReadOnlyList<Suppression> suppressions)
    {
        if (suppressions.Count == 0)
            return;
        // Names recur: each is held against the patterns once.
        var known = new Dictionary<string, int[]>();
        var matching = new Dictionary<(string Host, string Process, int Frame), int[]>();
        foreach (((string, string, int) frame, string[] names) in query.Rows("""
            SELECT f.host, f.process, f.frame, f.function, f.linkage_name, f.file, coalesce(m.path, '')
            FROM frames f LEFT JOIN modules m ON m.host = f.host AND m.process = f.process AND m.module = f.module
            """, r => ((r.GetString(0), r.GetString(1), r.GetInt32(2)), new[] { r.GetString(3), r.GetString(4), r.GetString(5), r.GetString(6) })))
        {
            int[] hits = [.. matching.GetValueOrDefault(frame, []).Concat(names.SelectMany(MatchesOf)).Distinct()];
            if (hits.Length > 0)
                matching[frame] = hits;
        }
        if (matching.Count == 0)
            return;
        string wanted = string.Join(',', matching.Keys.Select(k => k.Frame).Distinct());
        foreach ((string host, string process, int stack, int frame) in query.Rows(
            $"SELECT host, process, stack, frame FROM stack_frames WHERE frame IN ({wanted})",
            r => (r.GetString(0), r.GetString(1), r.GetInt32(2), r.GetInt32(3))))
        {
            if (!matching.TryGetValue((host, process, frame), out int[]? hits))
                continue;
            if (!_first.TryGetValue((host, process), out Dictionary<int, int>? of))
                _first.Add((host, process), of = []);
            int first = hits.Min();
            of[stack] = of.TryGetValue(stack, out int other) ? Math.Min(first, other) : first;
            _used.UnionWith(hits);
        }

        int[] MatchesOf(string name)
        {
            if (!known.TryGetValue(name, out int[]? hits))
                known.Add(name, hits = [.. Enumerable.Range(0, suppressions.Count).Where(i => suppressions[i].Matches(name))]);
            return hits;
        }
    }

    /// <summary>The suppression that a stack's blocks fall under, by its place in the list: the first of those that match. Null for none.</summary>
    public int? Of(DatasetProcess process, int stack) =>
        _first.TryGetValue((process.Host, process.Process), out Dictionary<int, int>? of) && of.TryGetValue(stack, out int suppression) ? suppression : null;

    /// <summary>Whether a suppression matches any stack.</summary>
    public bool IsUsed(int suppression) => _used.Contains(suppression);

    /// <summary>A condition that a block of a process image is not suppressed.</summary>
    /// <param name="process">The process image.</param>
    /// <param name="table">The name in the statement of the table <c>allocations</c>.</param>
    public string NotIn(DatasetProcess process, string table) =>
        _first.TryGetValue((process.Host, process.Process), out Dictionary<int, int>? of)
            ? $"{table}.alloc_stack NOT IN ({string.Join(',', of.Keys)})"
            : "true";
}
