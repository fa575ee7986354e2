using System.Runtime.InteropServices;
using AllocReplay.Formats.Calls;

namespace AllocReplay.Analyzer.Export;

/// <summary>
/// The stacks of a profile by their functions: those that differ only in what is not shown, such as the line of a call, are one. As a tree, which
/// holds what they have in common once.
/// </summary>
internal sealed class CallTree
{
    private readonly List<Node> _nodes = [];
    private readonly Dictionary<(int Caller, int Function), int> _nodeOf = [];
    private readonly List<StackFunction> _functions = [];
    private readonly Dictionary<StackFunction, int> _functionOf = [];

    /// <param name="profile">The stacks.</param>
    /// <param name="byName">Whether functions of one name are one function, whatever files they are in.</param>
    public CallTree(StackProfile profile, bool byName)
    {
        foreach (StackWeight weight in profile.Weights)
        {
            int at = -1;
            foreach (StackFunction function in StackFunction.Of(weight.Stack, profile.Frames, profile.Symbols))
                at = Below(at, NumberOf(byName ? function with { File = "" } : function));
            ref Node node = ref CollectionsMarshal.AsSpan(_nodes)[at];
            node.Blocks += weight.Blocks;
            node.Bytes += weight.Bytes;
        }
    }

    /// <summary>The functions, which stacks name by their place here.</summary>
    public IReadOnlyList<StackFunction> Functions => _functions;

    /// <summary>The stacks that blocks were acquired with: numbers of their functions, the thread's first one first. The list is used again.</summary>
    public IEnumerable<(IReadOnlyList<int> Functions, long Blocks, ulong Bytes)> Stacks()
    {
        var path = new List<int>();
        for (int i = 0; i < _nodes.Count; i++)
        {
            if (_nodes[i].Blocks == 0)
                continue;
            path.Clear();
            for (int at = i; at >= 0; at = _nodes[at].Caller)
                path.Add(_nodes[at].Function);
            path.Reverse();
            yield return (path, _nodes[i].Blocks, ByteCount.Of(_nodes[i].Bytes));
        }
    }

    private int Below(int caller, int function)
    {
        ref int node = ref CollectionsMarshal.GetValueRefOrAddDefault(_nodeOf, (caller, function), out bool isThere);
        if (!isThere)
        {
            node = _nodes.Count;
            _nodes.Add(new Node { Caller = caller, Function = function });
        }
        return node;
    }

    private int NumberOf(StackFunction function)
    {
        ref int number = ref CollectionsMarshal.GetValueRefOrAddDefault(_functionOf, function, out bool isThere);
        if (!isThere)
        {
            number = _functions.Count;
            _functions.Add(function);
        }
        return number;
    }

    private struct Node
    {
        public int Caller; // -1: the thread's first function
        public int Function;
        public long Blocks;
        public UInt128 Bytes;
    }
}
