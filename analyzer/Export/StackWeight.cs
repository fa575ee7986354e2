namespace AllocReplay.Analyzer.Export;

/// <summary>Blocks that were acquired with one stack.</summary>
/// <param name="Stack">The stack, as <see cref="Formats.Calls.TraceEvent.Stack"/>; 0: it is not known.</param>
/// <param name="Blocks">How many.</param>
/// <param name="Bytes">Bytes requested for them; at most <see cref="Formats.Calls.ByteCount.Max"/>.</param>
public readonly record struct StackWeight(int Stack, long Blocks, ulong Bytes);
