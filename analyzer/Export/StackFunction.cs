using AllocReplay.Formats.Stacks;

namespace AllocReplay.Analyzer.Export;

/// <summary>A function on a stack, as a flame graph shows it: two calls of it from different lines are one.</summary>
/// <param name="Name">Its name; without a symbol <c>module+0xoffset</c>; never empty.</param>
/// <param name="File">Path of its source file; empty when it is not known.</param>
internal readonly record struct StackFunction(string Name, string File)
{
    /// <summary>In the place of the functions of a stack that is not known.</summary>
    public const string Unknown = "[unknown]";

    /// <summary>In the place of what called the last frame that was walked.</summary>
    public const string Truncated = "[truncated]";

    /// <summary>A stack's functions, the thread's first one first, inlined ones too.</summary>
    public static List<StackFunction> Of(int stack, FrameTable frames, SymbolTable symbols)
    {
        IReadOnlyList<Frame> walked = symbols.FramesOf(frames, stack, out bool isWhole);
        List<StackFunction> functions = [.. symbols.Lines(walked).Select(l => new StackFunction(l.Name, l.Function?.File ?? ""))];
        if (walked.Count == 0)
            functions.Add(new StackFunction(Unknown, ""));
        else if (!isWhole)
            functions.Add(new StackFunction(Truncated, ""));
        functions.Reverse();
        return functions;
    }
}
