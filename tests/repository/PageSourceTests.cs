using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Repository;

/// <summary>The sources of pages: what is installed for them comes from whatever registry a machine has, and no text becomes markup.</summary>
public sealed class PageSourceTests
{
    private static readonly string[] MarkupOfText = ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "eval(", "new Function"];

    [Fact]
    public void The_lock_names_no_registry() => AssertNoRegistry(SourceTree.Read("web/package-lock.json"));

    [Fact]
    public void Text_goes_into_a_page_as_text() =>
        SourceTree.AssertNone(SourceTree.Files(".ts").SelectMany(f => MarkupIn(f, SourceTree.Read(f))));

    [Fact]
    public void A_registry_and_markup_are_found() // the controls
    {
        Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => AssertNoRegistry("""{"resolved": "https://registry.example/uplot.tgz"}"""));
        Assert.Equal(["x.ts: innerHTML"], MarkupIn("x.ts", "e.innerHTML = name"));
    }

    private static void AssertNoRegistry(string text)
    {
        Assert.DoesNotContain("://", text, StringComparison.Ordinal);
        Assert.DoesNotContain("\"resolved\"", text, StringComparison.Ordinal);
        Assert.Contains("{", text, StringComparison.Ordinal);
    }

    private static IEnumerable<string> MarkupIn(string file, string text) =>
        MarkupOfText.Where(word => text.Contains(word, StringComparison.Ordinal)).Select(word => $"{file}: {word}");
}
