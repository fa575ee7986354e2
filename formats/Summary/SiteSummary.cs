using AllocReplay.Formats.Stacks;
using AllocReplay.Formats.Statistics;

namespace AllocReplay.Formats.Summary;

/// <summary>What was acquired in one place of the program: all calls whose functions up to the thread's start are the same.</summary>
/// <param name="Site">The hash of those functions (formats/SPEC.md), 16 hexadecimal digits; empty where the stack is not known.</param>
/// <param name="Name">The lowest function that is not of the C library nor of a language's own, and its line, as function (file:line).</param>
/// <param name="Blocks">Blocks acquired.</param>
/// <param name="Bytes">Bytes requested for them.</param>
/// <param name="LiveBlocks">Blocks that were live at the end.</param>
/// <param name="LiveBytes">Bytes requested for those.</param>
/// <param name="Stacks">Stacks of the site: more than one where it calls from several lines.</param>
/// <param name="NameIndex">The function of Frames that it is named after.</param>
/// <param name="Frames">The functions of that with the most live bytes, the lowest first.</param>
/// <param name="IsWhole">Whether the last of them is the thread's first; else there were more.</param>
/// <param name="Estimates">Of a sample, what these figures come to of all of the program's blocks; null where all were recorded. Of its peaks, that of
/// the stack with the highest.</param>
public sealed record SiteSummary(
    string Site, string Name, long Blocks, ulong Bytes, long LiveBlocks, ulong LiveBytes, int Stacks, int NameIndex, IReadOnlyList<FunctionSummary> Frames,
    bool IsWhole, EstimatedBlocks? Estimates = null);

/// <summary>A function on a stack.</summary>
/// <param name="Function">Its name; without a symbol module+0xoffset.</param>
/// <param name="File">Its source file; empty when it is not known.</param>
/// <param name="Line">From 1; 0 when it is not known.</param>
/// <param name="Module">Path of the object file; empty when it is not known.</param>
/// <param name="IsInlined">Whether the compiler put it into the function that follows.</param>
public sealed record FunctionSummary(string Function, string File, int Line, string Module, bool IsInlined)
{
    /// <summary>Of a line of a stack.</summary>
    public static FunctionSummary Of(StackLine line) =>
        new(line.Name, line.Function?.File ?? "", line.Function?.Line ?? 0, line.Frame.Module?.Path ?? "", line.IsInlined);
}
