namespace AllocReplay.Analyzer.Tables;

/// <summary>A place in the code that stacks go through, and a function there: a row of the table <c>frames</c>.</summary>
internal readonly record struct FrameRow
{
    [Column("frame", "id", "Numbered from 0. A place where functions were inlined has a row for each, and one for the function that they were put into.")]
    public required int Frame { get; init; }

    [Column("address", "address", "Of the call, or of a byte of it, as it was mapped. The 64 bits as a signed number.")]
    public required long Address { get; init; }

    [Column("module", "id", "The object file that it is in: `modules.module`; -1 where none is known, as of code made at run time.")]
    public required int Module { get; init; }

    [Column("module_offset", "bytes", "`address` less the module's first address; without a module, the address.")]
    public required long ModuleOffset { get; init; }

    [Column("function", "text", "The function, as its source has it. Without a symbol `module+0xoffset`, or the address; never empty.")]
    public required string Function { get; init; }

    [Column("linkage_name", "text", "Its name in the object file, where that is another; else empty.")]
    public required string LinkageName { get; init; }

    [Column("file", "path", "The source file, as the compiler had it; empty where it is not known.")]
    public required string File { get; init; }

    [Column("line", "line", "In that file, from 1; 0 where it is not known.")]
    public required int Line { get; init; }

    [Column("has_symbol", "yes or no", "Whether a symbol was found; else `function` says the place.")]
    public required bool HasSymbol { get; init; }
}
