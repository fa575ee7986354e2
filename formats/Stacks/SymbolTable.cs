namespace AllocReplay.Formats.Stacks;

/// <summary>The functions and lines of code that stacks have met, in one process image.</summary>
public sealed class SymbolTable
{
    private readonly IReadOnlyDictionary<CodeLocation, IReadOnlyList<FunctionLine>> _functions;

    /// <param name="functions">
    /// Of each location the functions that it is in: first the innermost that was inlined there, last the one that has the frame. Not empty.
    /// </param>
    public SymbolTable(IReadOnlyDictionary<CodeLocation, IReadOnlyList<FunctionLine>> functions) => _functions = functions;

    /// <summary>Nothing is known.</summary>
    public static SymbolTable Empty { get; } = new(new Dictionary<CodeLocation, IReadOnlyList<FunctionLine>>());

    /// <summary>Locations whose functions are known.</summary>
    public int Count => _functions.Count;

    /// <summary>All of them.</summary>
    public IEnumerable<KeyValuePair<CodeLocation, IReadOnlyList<FunctionLine>>> Functions => _functions;

    /// <summary>The functions that a frame is in: first the innermost that was inlined there, last its own; empty where they are not known.</summary>
    public IReadOnlyList<FunctionLine> Of(in Frame frame) => _functions.GetValueOrDefault(frame.Location, []);

    /// <summary>
    /// The frames of a stack, the lowest first, from the function on that wanted the memory, or gave it back: operator new and delete of the C++ library
    /// only pass that on, and have no frame where an allocator brings its own.
    /// </summary>
    /// <param name="frames">The stacks.</param>
    /// <param name="stack">Number of the stack.</param>
    /// <param name="isWhole">As of <see cref="FrameTable.Of(int, out bool)"/>.</param>
    public IReadOnlyList<Frame> FramesOf(FrameTable frames, int stack, out bool isWhole)
    {
        IReadOnlyList<Frame> all = frames.Of(stack, out isWhole);
        int first = 0;
        while (first < all.Count - 1 && IsOperator(all[first]))
            first++;
        return first == 0 ? all : [.. all.Skip(first)];
    }

    private bool IsOperator(in Frame frame) => Of(frame) is [.., { Symbol: var symbol }] && (symbol.StartsWith("_Znw", StringComparison.Ordinal)
        || symbol.StartsWith("_Zna", StringComparison.Ordinal) || symbol.StartsWith("_Zdl", StringComparison.Ordinal)
        || symbol.StartsWith("_Zda", StringComparison.Ordinal));

    /// <summary>A stack's functions, the lowest first; of a frame without symbols there is one line too.</summary>
    public IEnumerable<StackLine> Lines(IEnumerable<Frame> frames)
    {
        foreach (Frame frame in frames)
        {
            IReadOnlyList<FunctionLine> functions = Of(frame);
            if (functions.Count == 0)
                yield return new StackLine(frame, null, IsInlined: false);
            for (int i = 0; i < functions.Count; i++)
                yield return new StackLine(frame, functions[i], IsInlined: i < functions.Count - 1);
        }
    }
}
