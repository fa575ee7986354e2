namespace AllocReplay.Formats.Summary;

/// <summary>What was acquired in one place of the program.</summary>
/// <param name="Stack">Number of the stack in the process image; 0: not known.</param>
/// <param name="Blocks">Blocks acquired.</param>
/// <param name="Bytes">Bytes requested for them.</param>
/// <param name="LiveBlocks">Blocks that were live at the end.</param>
/// <param name="LiveBytes">Bytes requested for those.</param>
/// <param name="Frames">The frames, the lowest first, as module+0xoffset.</param>
/// <param name="IsWhole">Whether the last of them is the thread's first; else there were more.</param>
public sealed record SiteSummary(int Stack, long Blocks, ulong Bytes, long LiveBlocks, ulong LiveBytes, IReadOnlyList<string> Frames, bool IsWhole);
