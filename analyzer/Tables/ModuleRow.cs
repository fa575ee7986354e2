using AllocReplay.Formats.Stacks;

namespace AllocReplay.Analyzer.Tables;

/// <summary>An object file: a row of the table <c>modules</c>.</summary>
internal readonly record struct ModuleRow
{
    [Column("module", "id", "Numbered from 0 in the order in which stacks met them.")]
    public required int Module { get; init; }

    [Column("path", "path", "As the program's loader had it.")]
    public required string Path { get; init; }

    [Column("build_id", "hex", "Its build id, empty when it has none.")]
    public required string BuildId { get; init; }

    [Column("from_address", "address", "The first address that it was mapped to, as a signed number.")]
    public required long FromAddress { get; init; }

    [Column("to_address", "address", "The address behind the last, as a signed number.")]
    public required long ToAddress { get; init; }

    [Column("generation", "number", "It was there from this generation of modules on; a generation ends where an object file was unloaded.")]
    public required long Generation { get; init; }

    public static ModuleRow Of(Module module) => new()
    {
        Module = module.Index,
        Path = module.Path,
        BuildId = module.BuildId,
        FromAddress = unchecked((long)module.From),
        ToAddress = unchecked((long)module.To),
        Generation = module.Generation,
    };
}
