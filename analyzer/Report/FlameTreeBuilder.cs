namespace AllocReplay.Analyzer.Report;

/// <summary>Makes a tree that a page has room for of all stacks: functions with a small share of everything are put together.</summary>
internal sealed class FlameTreeBuilder
{
    private readonly StackTree _tree;
    private readonly double _mergedBelow;
    private readonly List<int> _parent = [], _function = [], _merged = [], _liveNodes = [], _files = [];
    private readonly List<StackFigure> _figures = [];
    private readonly List<IReadOnlyList<long>> _liveChanges = [];
    private readonly List<string> _functions = [], _fileNames = [];
    private readonly Dictionary<int, int> _functionOf = [];
    private readonly Dictionary<string, int> _fileOf = [];
    private readonly long[] _changes;
    private long _mergedNodes;

    private FlameTreeBuilder(StackTree tree, double mergedBelow) => (_tree, _mergedBelow, _changes) = (tree, mergedBelow, new long[tree.Moments]);

    /// <param name="tree">All stacks.</param>
    /// <param name="mergedBelow">Share of all, from 0 to 1, below which functions are put together.</param>
    public static FlameTree Build(StackTree tree, double mergedBelow) => new FlameTreeBuilder(tree, mergedBelow).Build();

    private FlameTree Build()
    {
        // Not by recursion: a stack may be as deep as it likes.
        var open = new Stack<(int Node, int Parent)>();
        open.Push((0, -1));
        while (open.TryPop(out (int Node, int Parent) next))
            foreach (int child in Add(next.Node, next.Parent, out int place))
                open.Push((child, place));
        return new FlameTree
        {
            MergedBelow = _mergedBelow,
            MergedNodes = _mergedNodes,
            Functions = _functions,
            Files = _files,
            FileNames = _fileNames,
            Parent = _parent,
            Function = _function,
            Merged = _merged,
            AllocatedBlocks = [.. _figures.Select(f => f.Blocks)],
            AllocatedBytes = [.. _figures.Select(f => f.Bytes)],
            OutstandingBlocks = [.. _figures.Select(f => f.OutstandingBlocks)],
            OutstandingBytes = [.. _figures.Select(f => f.OutstandingBytes)],
            TemporaryBlocks = [.. _figures.Select(f => f.TemporaryBlocks)],
            TemporaryBytes = [.. _figures.Select(f => f.TemporaryBytes)],
            LiveNodes = _liveNodes,
            LiveChanges = _liveChanges,
        };
    }

    /// <summary>Adds a node, and one for those below it that are too small.</summary>
    /// <returns>Those below it that are not, in the order in which they are to be added: the largest comes off a stack first.</returns>
    private List<int> Add(int node, int parent, out int place)
    {
        ReadOnlySpan<StackNode> nodes = _tree.Nodes;
        Array.Clear(_changes);
        _tree.AddOwnChanges(node, _changes);
        place = Add(parent, nodes[node].Function < 0 ? -1 : NumberOf(nodes[node].Function), 0, nodes[node].Own);
        List<int> kept = [], small = [];
        for (int child = nodes[node].FirstChild; child >= 0; child = nodes[child].NextSibling)
            (IsSmall(nodes[child], nodes[0]) ? small : kept).Add(child);
        if (small.Count > 0)
            AddMerged(small, place);
        kept.Sort((a, b) => (_tree.Nodes[a].All.Bytes, b).CompareTo((_tree.Nodes[b].All.Bytes, a)));
        return kept;
    }

    private bool IsSmall(in StackNode node, in StackNode whole) =>
        node.All.ShareOf(whole.All) < _mergedBelow && StackFigure.Share(node.MostLive, whole.MostLive) < _mergedBelow;

    private void AddMerged(List<int> small, int parent)
    {
        Array.Clear(_changes);
        var sum = default(StackFigure);
        int count = 0;
        var open = new Stack<int>(small);
        while (open.TryPop(out int node))
        {
            count++;
            StackNode of = _tree.Nodes[node];
            sum += of.Own;
            _tree.AddOwnChanges(node, _changes);
            for (int child = of.FirstChild; child >= 0; child = _tree.Nodes[child].NextSibling)
                open.Push(child);
        }
        _mergedNodes += count;
        Add(parent, -1, count, sum);
    }

    /// <summary>Adds a node whose changes are in <see cref="_changes"/>.</summary>
    private int Add(int parent, int function, int merged, in StackFigure own)
    {
        int place = _parent.Count;
        _parent.Add(parent);
        _function.Add(function);
        _merged.Add(merged);
        _figures.Add(own);
        var changes = new List<long>();
        int last = -1;
        for (int i = 0; i < _changes.Length; i++)
        {
            if (_changes[i] == 0)
                continue;
            changes.Add(i - last);
            changes.Add(_changes[i]);
            last = i;
        }
        if (changes.Count > 0)
        {
            _liveNodes.Add(place);
            _liveChanges.Add(changes);
        }
        return place;
    }

    private int NumberOf(int function)
    {
        if (_functionOf.TryGetValue(function, out int number))
            return number;
        (string name, string file) = _tree.Functions[function];
        _functionOf.Add(function, number = _functions.Count);
        _functions.Add(ReportText.Cut(name));
        if (file.Length == 0)
            _files.Add(-1);
        else
        {
            if (!_fileOf.TryGetValue(file, out int place))
            {
                _fileOf.Add(file, place = _fileNames.Count);
                _fileNames.Add(ReportText.Cut(file));
            }
            _files.Add(place);
        }
        return number;
    }
}
