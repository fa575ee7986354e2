namespace AllocReplay.Analyzer.Query;

/// <summary>What keeps the engine to the files that it is given: datasets and queries may come from strangers.</summary>
internal static class Sandbox
{
    /// <summary>Statements after which the engine reads and writes below some directories alone, loads no extension, and cannot be told otherwise.</summary>
    /// <param name="spill">Where what does not fit in memory goes. The engine's default is the user's directory.</param>
    /// <param name="allowed">Directories, or patterns of them: both a pattern and the files that it finds are looked at.</param>
    public static IEnumerable<string> Statements(string spill, IEnumerable<string> allowed) =>
    [
        "SET autoinstall_known_extensions = false",
        "SET autoload_known_extensions = false",
        $"SET temp_directory = {Sql.Literal(spill)}",
        $"SET allowed_directories = [{string.Join(", ", allowed.Select(Sql.Literal))}]",
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    ];
}
