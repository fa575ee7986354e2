using AllocReplay.Formats.Stacks;

namespace AllocReplay.Symbols;

/// <summary>What became of the code of a module.</summary>
/// <param name="Module">Its path; empty for code that was made at run time.</param>
/// <param name="BuildId">In hexadecimal; empty when it has none.</param>
/// <param name="Locations">Places of its code that are on stacks.</param>
/// <param name="Named">Those whose function is known.</param>
/// <param name="WithLine">Those whose line is known.</param>
/// <param name="Source">The file that the symbols are of; empty when there is none.</param>
/// <param name="Problem">Why nothing, or less than there may be, is known, as a phrase; null when all went well.</param>
public sealed record ModuleSymbols(string Module, string BuildId, int Locations, int Named, int WithLine, string Source, string? Problem);

/// <summary>The symbols of a process image.</summary>
/// <param name="Symbols">Those that were found.</param>
/// <param name="Modules">What became of each module, that with the most locations first.</param>
public sealed record SymbolResult(SymbolTable Symbols, IReadOnlyList<ModuleSymbols> Modules);
