using System.Reflection;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using AllocReplay.Cli.Output;

namespace AllocReplay.Cli.Pages;

/// <summary>
/// A page of <c>web/</c>: HTML with script and style in it, and a place for what it shows. That goes in as JSON which no parser of HTML finds the end
/// of: whatever is markup, or turns the direction of writing, is escaped.
/// </summary>
internal sealed class PageTemplate
{
    private const string DataPlace = "/*data*/";

    /// <summary>As <c>--json</c>, but on one line and in ASCII, without &lt;, &gt; and &amp;.</summary>
    private static readonly JsonSerializerOptions Json = new(Terminal.Json) { WriteIndented = false, Encoder = JavaScriptEncoder.Default };

    private readonly string _before, _after;

    private PageTemplate(string html)
    {
        string[] parts = html.Split(DataPlace);
        (_before, _after) = (parts[0], parts[1]);
    }

    /// <summary>The page of that name that was built into an assembly.</summary>
    /// <exception cref="PageMissingException">It was built without.</exception>
    public static PageTemplate Load(string name, Assembly assembly)
    {
        using Stream resource = assembly.GetManifestResourceStream(name)
            ?? throw new PageMissingException("this build has no pages in it, as it was made without Node.js: build it with ./build.sh build");
        using var reader = new StreamReader(resource);
        return new PageTemplate(reader.ReadToEnd());
    }

    /// <summary>What a page shows, as it stands in it.</summary>
    public static byte[] Data<T>(T value) => JsonSerializer.SerializeToUtf8Bytes(value, Json);

    /// <summary>Writes the page that shows this.</summary>
    /// <param name="data">As <see cref="Data"/> has it.</param>
    /// <param name="output">Where to.</param>
    public void Write(byte[] data, Stream output)
    {
        output.Write(Encoding.UTF8.GetBytes(_before));
        output.Write(data);
        output.Write(Encoding.UTF8.GetBytes(_after));
    }
}

/// <summary>This build of the command has no pages in it.</summary>
internal sealed class PageMissingException(string message) : Exception(message);
