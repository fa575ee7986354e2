using AllocReplay.Formats.Stacks;

namespace AllocReplay.Analyzer.Passes;

/// <summary>A place in the code that stacks go through.</summary>
/// <param name="FirstLine">Number of the first of its lines among those of all places.</param>
/// <param name="Frame">A frame there.</param>
/// <param name="Lines">Its functions: first the innermost that was inlined there, last the one that has the frame.</param>
/// <param name="Part">What it adds to the hash of a site.</param>
internal sealed record CodePlace(int FirstLine, Frame Frame, IReadOnlyList<StackLine> Lines, SitePart Part);
