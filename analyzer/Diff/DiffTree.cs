using System.Runtime.InteropServices;
using AllocReplay.Analyzer.Report;

namespace AllocReplay.Analyzer.Diff;

/// <summary>All sites of two sides as a tree, the outermost function at its top.</summary>
internal sealed class DiffTree
{
    private readonly List<DiffNode> _nodes = [new() { Parent = -1, Function = -1 }];
    private readonly Dictionary<(int Parent, int Function), int> _nodeOf = [];
    private readonly List<string> _functions = [];
    private readonly Dictionary<string, int> _functionOf = [];

    private DiffTree()
    {
    }

    /// <summary>The tree of rows that were compared.</summary>
    /// <param name="a">The first side.</param>
    /// <param name="b">The second side.</param>
    /// <param name="rows">Their sites.</param>
    public static DiffTree Of(DatasetSide a, DatasetSide b, IReadOnlyList<SiteDiff> rows)
    {
        Dictionary<long, List<string>> functionsA = Functions(a, rows.Where(r => r.Match == SiteMatch.OnlyA));
        Dictionary<long, List<string>> functionsB = Functions(b, rows.Where(r => r.Match != SiteMatch.OnlyA));
        var tree = new DiffTree();
        foreach (SiteDiff row in rows)
        {
            List<string> functions = (row.Match == SiteMatch.OnlyA ? functionsA : functionsB).GetValueOrDefault(row.Site.Site) ?? [row.Site.Function];
            int node = 0;
            for (int i = functions.Count - 1; i >= 0; i--)
                node = tree.Below(node, functions[i]);
            CollectionsMarshal.AsSpan(tree._nodes)[node].Own += DiffFigure.Of(row.A, row.B);
        }
        tree.Sum();
        return tree;
    }

    /// <summary>What a page has room for of it.</summary>
    /// <param name="mergedBelow">Share of what differs, from 0 to 1, below which functions are put together.</param>
    public DiffFlame Flame(double mergedBelow)
    {
        List<int> parent = [], function = [], merged = [], functions = [];
        List<DiffFigure> figures = [];
        var placeOf = new Dictionary<int, int>();
        long mergedNodes = 0;
        // Not by recursion: a stack may be as deep as it likes.
        var open = new Stack<(int Node, int Parent)>();
        open.Push((0, -1));
        while (open.TryPop(out (int Node, int Parent) next))
        {
            int place = Add(next.Parent, _nodes[next.Node].Function, 0, _nodes[next.Node].Own);
            ILookup<bool, int> isSmall = _nodes[next.Node].Children.ToLookup(c => _nodes[c].All.ShareOf(_nodes[0].All) < mergedBelow);
            if (isSmall[true].Any())
                AddMerged(isSmall[true], place);
            foreach (int child in isSmall[false].OrderBy(c => _nodes[c].All.Outstanding.Differs).ThenByDescending(c => c))
                open.Push((child, place));
        }
        return new DiffFlame
        {
            MergedBelow = mergedBelow,
            MergedNodes = mergedNodes,
            Functions = [.. functions.Select(f => ReportText.Cut(_functions[f]))],
            Parent = parent,
            Function = function,
            Merged = merged,
            Outstanding = Weights(f => f.Outstanding),
            Peak = Weights(f => f.Peak),
            Bytes = Weights(f => f.Bytes),
        };

        int Add(int at, int number, int count, DiffFigure own)
        {
            parent.Add(at);
            merged.Add(count);
            figures.Add(own);
            ref int name = ref CollectionsMarshal.GetValueRefOrAddDefault(placeOf, number, out bool isThere);
            if (number < 0)
                name = -1;
            else if (!isThere)
            {
                name = functions.Count;
                functions.Add(number);
            }
            function.Add(name);
            return parent.Count - 1;
        }

        void AddMerged(IEnumerable<int> small, int at)
        {
            var sum = default(DiffFigure);
            int count = 0;
            var below = new Stack<int>(small);
            while (below.TryPop(out int node))
            {
                count++;
                sum += _nodes[node].Own;
                foreach (int child in _nodes[node].Children)
                    below.Push(child);
            }
            mergedNodes += count;
            Add(at, -1, count, sum);
        }

        DiffWeights Weights(Func<DiffFigure, DiffWeight> of) =>
            new([.. figures.Select(f => of(f).Before)], [.. figures.Select(f => of(f).Grown)], [.. figures.Select(f => of(f).Shrunk)]);
    }

    private static Dictionary<long, List<string>> Functions(DatasetSide side, IEnumerable<SiteDiff> rows) =>
        SiteIdentity.FunctionsOf(side.Query, side.Process, [.. rows.Select(r => r.Site.Site).Where(s => s != 0)]);

    private int Below(int parent, string function)
    {
        ref int number = ref CollectionsMarshal.GetValueRefOrAddDefault(_functionOf, function, out bool isKnown);
        if (!isKnown)
        {
            number = _functions.Count;
            _functions.Add(function);
        }
        ref int node = ref CollectionsMarshal.GetValueRefOrAddDefault(_nodeOf, (parent, number), out bool isThere);
        if (!isThere)
        {
            node = _nodes.Count;
            _nodes.Add(new DiffNode { Parent = parent, Function = number });
        }
        return node;
    }

    /// <summary>Adds to each node what is below it: parents come before their children.</summary>
    private void Sum()
    {
        Span<DiffNode> nodes = CollectionsMarshal.AsSpan(_nodes);
        for (int i = nodes.Length - 1; i >= 0; i--)
        {
            nodes[i].All += nodes[i].Own;
            nodes[i].Children ??= [];
            if (i == 0)
                break;
            ref DiffNode parent = ref nodes[nodes[i].Parent];
            parent.All += nodes[i].All;
            (parent.Children ??= []).Add(i);
        }
    }

    private struct DiffNode
    {
        public int Parent, Function;
        public List<int> Children;
        /// <summary>Of its own sites, and with what is below it.</summary>
        public DiffFigure Own, All;
    }
}

/// <summary>A figure on both sides.</summary>
/// <param name="Before">On the first side.</param>
/// <param name="Grown">By how much it grew.</param>
/// <param name="Shrunk">By how much it shrank.</param>
internal readonly record struct DiffWeight(long Before, long Grown, long Shrunk)
{
    /// <summary>By how much there is another.</summary>
    public long Differs => Add(Grown, Shrunk);

    public static DiffWeight Of(long a, long b) => new(a, Math.Max(0, b - a), Math.Max(0, a - b));

    public static DiffWeight operator +(DiffWeight a, DiffWeight b) => new(Add(a.Before, b.Before), Add(a.Grown, b.Grown), Add(a.Shrunk, b.Shrunk));

    public double ShareOf(DiffWeight whole) => whole.Differs > 0 ? (double)Differs / whole.Differs : 0;

    private static long Add(long a, long b) => b > long.MaxValue - a ? long.MaxValue : a + b;
}

/// <summary>The figures of a node that a flame graph can show.</summary>
internal readonly record struct DiffFigure(DiffWeight Outstanding, DiffWeight Peak, DiffWeight Bytes)
{
    public static DiffFigure Of(SiteFigures a, SiteFigures b) => new(
        DiffWeight.Of(a.OutstandingBytes, b.OutstandingBytes), DiffWeight.Of(a.PeakLiveBytes, b.PeakLiveBytes), DiffWeight.Of(a.Bytes, b.Bytes));

    public static DiffFigure operator +(DiffFigure a, DiffFigure b) => new(a.Outstanding + b.Outstanding, a.Peak + b.Peak, a.Bytes + b.Bytes);

    /// <summary>The largest of the shares that these are of a whole, from 0 to 1.</summary>
    public double ShareOf(DiffFigure whole) =>
        Math.Max(Outstanding.ShareOf(whole.Outstanding), Math.Max(Peak.ShareOf(whole.Peak), Bytes.ShareOf(whole.Bytes)));
}
