using System.Text.Json;
using AllocReplay.Formats;
using AllocReplay.Formats.Stacks;
using AllocReplay.Formats.Summary;

namespace AllocReplay.Cli.Output;

/// <summary>The stacks of a process image as text: the functions on one, the lowest first.</summary>
internal sealed class StackText(TraceReader reader, SymbolTable symbols)
{
    private static readonly JsonSerializerOptions Options = new(Terminal.Json) { WriteIndented = false };

    /// <summary>Ends a line of columns: as <c>function (file:line) &lt; caller</c>; in … where there were more.</summary>
    /// <returns>The end that the line has, and the one to have instead.</returns>
    public (string Instead, string End) Text(int stack)
    {
        StackLine[] lines = Lines(stack, out bool isWhole);
        return ("\n", $": {TextLine.Plain(string.Join(" < ", lines) + (isWhole ? "" : " …"))}\n");
    }

    /// <summary>Ends a line with a JSON object: by the functions, and whether the last of them is the thread's first.</summary>
    /// <inheritdoc cref="Text"/>
    public (string Instead, string End) Json(int stack)
    {
        StackLine[] lines = Lines(stack, out bool isWhole);
        string frames = JsonSerializer.Serialize(lines.Select(FunctionSummary.Of), Options);
        return ("}\n", $",\"frames\":{frames},\"is_whole\":{(isWhole ? "true" : "false")}}}\n");
    }

    private StackLine[] Lines(int stack, out bool isWhole) => [.. symbols.Lines(symbols.FramesOf(reader.Frames, stack, out isWhole))];
}
