namespace AllocReplay.Formats.Stacks;

/// <summary>A byte of code: equal wherever the object file was mapped.</summary>
/// <param name="Module">Index of the object file in <see cref="FrameTable.Modules"/>; -1: none that is known, such as code made at run time.</param>
/// <param name="Offset">From the first address that the object file was mapped to; without one, the address.</param>
public readonly record struct CodeLocation(int Module, ulong Offset);
