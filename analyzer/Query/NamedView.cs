using System.Reflection;

namespace AllocReplay.Analyzer.Query;

/// <summary>A question with a name: a file of <c>analyzer/views</c>, portable SQL over the tables of a dataset.</summary>
/// <param name="Name">Its name, by which SQL can select from it.</param>
/// <param name="Description">One line: the first comment line of the file.</param>
/// <param name="Sql">The whole file: one SELECT, with its comments.</param>
public sealed record NamedView(string Name, string Description, string Sql)
{
    private const string Folder = "views/";
    private const string Extension = ".sql";

    /// <summary>All views, by name.</summary>
    public static IReadOnlyList<NamedView> All { get; } = Load();

    private static List<NamedView> Load()
    {
        Assembly assembly = typeof(NamedView).Assembly;
        return assembly.GetManifestResourceNames()
            .Where(n => n.StartsWith(Folder, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(resource =>
            {
                using var text = new StreamReader(assembly.GetManifestResourceStream(resource)!);
                string sql = text.ReadToEnd();
                string firstLine = sql[..sql.IndexOf('\n')];
                return new NamedView(resource[Folder.Length..^Extension.Length], firstLine.TrimStart('-', ' '), sql);
            })
            .ToList();
    }
}
