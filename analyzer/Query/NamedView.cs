using System.Reflection;

namespace AllocReplay.Analyzer.Query;

/// <summary>A question with a name: a file of <c>analyzer/views</c>, portable SQL over the tables of a dataset.</summary>
/// <param name="Name">Its name, by which SQL can select from it.</param>
/// <param name="Description">One line: the first comment line of the file.</param>
/// <param name="Parameters">What may be set, in the order of its comments.</param>
/// <param name="Sql">The whole file: one SELECT, with its comments and the defaults of its parameters.</param>
public sealed record NamedView(string Name, string Description, IReadOnlyList<ViewParameter> Parameters, string Sql)
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
                return new NamedView(resource[Folder.Length..^Extension.Length], firstLine.TrimStart('-', ' '), ViewParameter.Of(sql), sql);
            })
            .ToList();
    }

    /// <summary>The view of a name.</summary>
    /// <exception cref="QueryException">There is none.</exception>
    public static NamedView Find(string name) => All.FirstOrDefault(v => v.Name == name)
        ?? throw new QueryException($"no view {name}; there are {string.Join(", ", All.Select(v => v.Name))}");

    /// <summary>Its SQL with values for some of its parameters.</summary>
    /// <param name="settings">What was set, as <c>name=value</c>; of one name the last counts.</param>
    /// <exception cref="QueryException">A name that the view does not have, or a value that is none.</exception>
    public string With(IEnumerable<string> settings)
    {
        var literals = new Dictionary<string, string>();
        foreach (string setting in settings)
        {
            string[] parts = setting.Split('=', 2);
            if (parts.Length < 2)
                throw new QueryException($"{setting}: expected name=value; {Settable}");
            ViewParameter parameter = Parameters.FirstOrDefault(p => p.Name == parts[0])
                ?? throw new QueryException($"the view {Name} has no parameter {parts[0]}; {Settable}");
            literals[parameter.Name] = parameter.LiteralOf(parts[1]);
        }
        return ViewParameter.PutInto(Sql, literals);
    }

    private string Settable => Parameters.Count == 0
        ? $"{Name} has no parameters"
        : $"{Name} has {string.Join(", ", Parameters.Select(p => $"{p.Name} ({p.Type.ToString().ToLowerInvariant()}, default {p.Default})"))}";
}
