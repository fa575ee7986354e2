using System.Text.Json;
using AllocReplay.Formats;
using AllocReplay.Formats.Stacks;
using AllocReplay.Formats.Summary;

namespace AllocReplay.Cli.Output;

/// <summary>The stacks of a process image as text: the functions on one, the lowest first.</summary>
/// <param name="linesOf">The functions of a stack; null where they are not known yet.</param>
internal sealed class StackText(Func<int, StackLines?> linesOf)
{
    private static readonly JsonSerializerOptions Options = new(Terminal.Json) { WriteIndented = false };

    /// <summary>The stacks of a trace.</summary>
    public static StackText Of(TraceReader reader, SymbolTable symbols) => new(stack => StackLines.Of(stack, reader.Frames, symbols));

    /// <summary>Ends a line of columns: as <c>function (file:line) &lt; caller</c>; in … where there were more.</summary>
    /// <returns>The end that the line has, and the one to have instead; null where the stack is not known yet.</returns>
    public (string Instead, string End)? Text(int stack) => linesOf(stack) is not var (lines, isWhole) ? null
        : ("\n", $": {TextLine.Plain(string.Join(" < ", lines) + (isWhole ? "" : " …"))}\n");

    /// <summary>Ends a line with a JSON object: by the functions, and whether the last of them is the thread's first.</summary>
    /// <inheritdoc cref="Text"/>
    public (string Instead, string End)? Json(int stack)
    {
        if (linesOf(stack) is not var (lines, isWhole))
            return null;
        string frames = JsonSerializer.Serialize(lines.Select(FunctionSummary.Of), Options);
        return ("}\n", $",\"frames\":{frames},\"is_whole\":{(isWhole ? "true" : "false")}}}\n");
    }
}

/// <summary>The functions on a stack, the lowest first.</summary>
/// <param name="Lines">The functions.</param>
/// <param name="IsWhole">Whether the last of them is the thread's first.</param>
internal sealed record StackLines(IReadOnlyList<StackLine> Lines, bool IsWhole)
{
    public static StackLines Of(int stack, FrameTable frames, SymbolTable symbols)
    {
        IReadOnlyList<Frame> found = symbols.FramesOf(frames, stack, out bool isWhole);
        return new StackLines([.. symbols.Lines(found)], isWhole);
    }
}
