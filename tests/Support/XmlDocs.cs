using System.Collections.Concurrent;
using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace AllocReplay.Tests.Support;

/// <summary>What the XML documentation beside an assembly says of a property, on one line of Markdown.</summary>
internal static partial class XmlDocs
{
    private static readonly ConcurrentDictionary<string, Dictionary<string, XElement>> Loaded = new();

    /// <returns>Empty where nothing is said.</returns>
    public static string Of(PropertyInfo property)
    {
        Type type = property.DeclaringType!;
        string owner = (type.IsGenericType ? type.GetGenericTypeDefinition() : type).FullName!.Replace('+', '.');
        Dictionary<string, XElement> members = Loaded.GetOrAdd(Path.ChangeExtension(type.Assembly.Location, ".xml"), Load);
        XElement? said = members.GetValueOrDefault($"P:{owner}.{property.Name}")?.Element("summary")
            ?? members.GetValueOrDefault($"T:{owner}")?.Elements("param").FirstOrDefault(p => p.Attribute("name")!.Value == property.Name);
        return said is null ? "" : Blanks().Replace(string.Concat(said.Nodes().Select(Text)), " ").Trim().Replace("|", @"\|", StringComparison.Ordinal);
    }

    private static Dictionary<string, XElement> Load(string file) => !File.Exists(file)
        ? []
        : XDocument.Load(file).Descendants("member").ToDictionary(m => m.Attribute("name")!.Value);

    private static string Text(XNode node) => node switch
    {
        XText text => text.Value,
        XElement { Name.LocalName: "see" or "seealso" } see => $"`{see.Attribute("cref")!.Value.Split('(')[0].Split('.', ':')[^1]}`",
        XElement { Name.LocalName: "paramref" } reference => $"`{reference.Attribute("name")!.Value}`",
        XElement { Name.LocalName: "c" } code => $"`{code.Value}`",
        XElement other => string.Concat(other.Nodes().Select(Text)),
        _ => "",
    };

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
