using System.Runtime.InteropServices;
using AllocReplay.Analyzer.Export;

namespace AllocReplay.Analyzer.Report;

/// <summary>
/// All stacks that blocks were acquired with as a tree, the thread's first function at its top: with what was acquired, is left and was temporary below
/// each function, and what was live there at each moment. Functions of one name are one.
/// </summary>
internal sealed class StackTree
{
    private readonly List<StackNode> _nodes = [new() { Parent = -1, Function = -1, FirstChange = -1 }];
    private readonly Dictionary<(int Parent, int Function), int> _nodeOf = [];
    private readonly List<(string Name, string File)> _functions = [];
    private readonly Dictionary<string, int> _functionOf = [];
    private readonly int _moments;

    // Changes of the nodes' own blocks: a list for each node, in two arrays.
    private readonly List<(int Place, int Next)> _changes = [];

    private readonly LiveChanges _live;

    private StackTree(LiveChanges live, int moments) => (_live, _moments) = (live, moments);

    /// <summary>The nodes, a parent before its children; the first is of all.</summary>
    public ReadOnlySpan<StackNode> Nodes => CollectionsMarshal.AsSpan(_nodes);

    /// <summary>The functions, with the file that each was first met in.</summary>
    public IReadOnlyList<(string Name, string File)> Functions => _functions;

    /// <summary>Number of moments.</summary>
    public int Moments => _moments;

    /// <summary>Reads the stacks and their figures.</summary>
    /// <param name="scope">Whose.</param>
    /// <param name="live">What is live by stack.</param>
    /// <param name="moments">Number of moments.</param>
    public static StackTree Read(ReportScope scope, LiveChanges live, int moments)
    {
        var tree = new StackTree(live, moments);
        Dictionary<int, int> nodeOf = tree.ReadStacks(scope);
        // A stack of which nothing is known, and blocks without one.
        int unknown = -1;
        int NodeOf(int stack) => nodeOf.TryGetValue(stack, out int node) ? node
            : unknown >= 0 ? unknown : unknown = tree.Below(0, tree.FunctionOf(StackFunction.Unknown, ""));

        foreach ((int stack, StackFigure figure) in ReadFigures(scope))
            tree.At(NodeOf(stack)).Own += figure;
        for (int i = 0; i < live.Keys.Count; i++)
        {
            ref StackNode node = ref tree.At(NodeOf(live.Keys[i]));
            tree._changes.Add((i, node.FirstChange));
            node.FirstChange = tree._changes.Count - 1;
        }
        tree.Sum();
        return tree;
    }

    /// <summary>Adds the changes of a node's own blocks to others.</summary>
    public void AddOwnChanges(int node, Span<long> changes)
    {
        for (int i = _nodes[node].FirstChange; i >= 0; i = _changes[i].Next)
            _live.AddTo(_changes[i].Place, changes);
    }

    private ref StackNode At(int node) => ref CollectionsMarshal.AsSpan(_nodes)[node];

    private Dictionary<int, int> ReadStacks(ReportScope scope)
    {
        var function = new Dictionary<int, int>();
        foreach ((int frame, string name, string file) in scope.Rows(
            $"SELECT frame, function, file FROM frames WHERE {scope.Where}", r => (r.GetInt32(0), r.GetString(1), r.GetString(2))))
            function[frame] = FunctionOf(name, file);
        HashSet<int> cut = [.. scope.Rows($"SELECT stack FROM stacks WHERE {scope.Where} AND NOT is_whole", r => r.GetInt32(0))];
        int truncated = cut.Count > 0 ? FunctionOf(StackFunction.Truncated, "") : -1;
        var nodeOf = new Dictionary<int, int>();
        // A stack's rows come together, the thread's first function first.
        int stack = -1, node = 0;
        foreach ((int of, int frame) in scope.Rows(
            $"SELECT stack, frame FROM stack_frames WHERE {scope.Where} ORDER BY stack, position DESC", r => (r.GetInt32(0), r.GetInt32(1))))
        {
            if (of != stack)
            {
                stack = of;
                node = cut.Contains(of) ? Below(0, truncated) : 0;
            }
            node = Below(node, function[frame]);
            nodeOf[stack] = node;
        }
        return nodeOf;
    }

    private static IEnumerable<(int Stack, StackFigure Figure)> ReadFigures(ReportScope scope) => scope.Rows($"""
        SELECT coalesce(alloc_stack, 0), count(*) FILTER ({ReportScope.Acquired}), {ReportScope.Sum("size", ReportScope.Acquired)},
               count(*) FILTER (end_kind = 'alive_at_end'), {ReportScope.Sum("size", "end_kind = 'alive_at_end'")},
               count(*) FILTER (is_temporary), {ReportScope.Sum("size", "is_temporary")}
        FROM allocations WHERE {scope.Where} GROUP BY 1 ORDER BY 1
        """, r => (r.GetInt32(0), new StackFigure(r.GetInt64(1), r.GetInt64(2), r.GetInt64(3), r.GetInt64(4), r.GetInt64(5), r.GetInt64(6))));

    private int Below(int parent, int function)
    {
        ref int node = ref CollectionsMarshal.GetValueRefOrAddDefault(_nodeOf, (parent, function), out bool isThere);
        if (!isThere)
        {
            node = _nodes.Count;
            _nodes.Add(new StackNode { Parent = parent, Function = function, FirstChange = -1 });
        }
        return node;
    }

    private int FunctionOf(string name, string file)
    {
        ref int number = ref CollectionsMarshal.GetValueRefOrAddDefault(_functionOf, name, out bool isThere);
        if (!isThere)
        {
            number = _functions.Count;
            _functions.Add((name, file));
        }
        return number;
    }

    /// <summary>
    /// Adds to each node what is below it. Parents come before their children, so from the last node to the first; what is live is added along one path
    /// at a time, which takes an array for each function of the deepest stack, not for each node.
    /// </summary>
    private void Sum()
    {
        Span<StackNode> nodes = CollectionsMarshal.AsSpan(_nodes);
        for (int i = 0; i < nodes.Length; i++)
            nodes[i].All = nodes[i].Own;
        for (int i = nodes.Length - 1; i > 0; i--)
            nodes[nodes[i].Parent].All += nodes[i].All;
        LinkChildren(nodes);
        SumLive(nodes);
    }

    private static void LinkChildren(Span<StackNode> nodes)
    {
        for (int i = 0; i < nodes.Length; i++)
            nodes[i].FirstChild = nodes[i].NextSibling = -1;
        for (int i = nodes.Length - 1; i > 0; i--)
            (nodes[i].NextSibling, nodes[nodes[i].Parent].FirstChild) = (nodes[nodes[i].Parent].FirstChild, i);
    }

    private void SumLive(Span<StackNode> nodes)
    {
        var changes = new List<long[]> { new long[_moments] };
        int depth = 0, node = 0;
        AddOwnChanges(0, changes[0]);
        bool down = true;
        while (true)
        {
            if (down && nodes[node].FirstChild >= 0)
            {
                node = nodes[node].FirstChild;
                Enter(++depth);
                continue;
            }
            Leave();
            if (node == 0)
                return;
            if (nodes[node].NextSibling >= 0)
            {
                node = nodes[node].NextSibling;
                Enter(depth);
                down = true;
                continue;
            }
            node = nodes[node].Parent;
            depth--;
            down = false;
        }

        void Enter(int at)
        {
            if (changes.Count == at)
                changes.Add(new long[_moments]);
            Array.Clear(changes[at]);
            AddOwnChanges(node, changes[at]);
        }

        void Leave()
        {
            long live = 0, most = 0;
            foreach (long change in changes[depth])
                most = Math.Max(most, live += change);
            At(node).MostLive = most;
            if (depth == 0)
                return;
            long[] above = changes[depth - 1], own = changes[depth];
            for (int i = 0; i < own.Length; i++)
                above[i] += own[i];
        }
    }
}

/// <summary>A function below those that called it.</summary>
internal struct StackNode
{
    /// <summary>The node of its caller; -1 of the first.</summary>
    public int Parent;
    /// <summary>Its number; -1 of the first.</summary>
    public int Function;
    /// <summary>Where a list of changes begins; -1 where it is empty.</summary>
    public int FirstChange;
    public int FirstChild, NextSibling;
    /// <summary>What it acquired itself, and with what is below it.</summary>
    public StackFigure Own, All;
    /// <summary>Most bytes live at any of the moments, with what is below it.</summary>
    public long MostLive;
}

/// <summary>Blocks and bytes that were acquired, those of them that were live at the end, and those that were temporary.</summary>
internal readonly record struct StackFigure(
    long Blocks, long Bytes, long OutstandingBlocks, long OutstandingBytes, long TemporaryBlocks, long TemporaryBytes)
{
    public static StackFigure operator +(in StackFigure a, in StackFigure b) => new(
        a.Blocks + b.Blocks, Add(a.Bytes, b.Bytes), a.OutstandingBlocks + b.OutstandingBlocks, Add(a.OutstandingBytes, b.OutstandingBytes),
        a.TemporaryBlocks + b.TemporaryBlocks, Add(a.TemporaryBytes, b.TemporaryBytes));

    /// <summary>The largest of the shares that these are of a whole, from 0 to 1.</summary>
    public double ShareOf(in StackFigure whole) => Math.Max(
        Math.Max(Share(Blocks, whole.Blocks), Share(Bytes, whole.Bytes)),
        Math.Max(
            Math.Max(Share(OutstandingBlocks, whole.OutstandingBlocks), Share(OutstandingBytes, whole.OutstandingBytes)),
            Math.Max(Share(TemporaryBlocks, whole.TemporaryBlocks), Share(TemporaryBytes, whole.TemporaryBytes))));

    internal static double Share(long part, long whole) => whole > 0 ? (double)part / whole : 0;

    private static long Add(long a, long b) => b > long.MaxValue - a ? long.MaxValue : a + b;
}
