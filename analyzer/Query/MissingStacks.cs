namespace AllocReplay.Analyzer.Query;

/// <summary>Call stacks that a statement asks for and a dataset does not have.</summary>
/// <param name="Images">Process images in the dataset.</param>
/// <param name="Without">Those of them that were recorded without stacks.</param>
public sealed record MissingStacks(long Images, long Without);
