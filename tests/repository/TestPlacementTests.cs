using System.Text.RegularExpressions;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Repository;

/// <summary>The tests are laid out as the product is: who knows a file knows where its tests are.</summary>
public sealed partial class TestPlacementTests
{
    /// <summary>Of no one part of the product.</summary>
    private static readonly string[] OfTheirOwn = ["repository", "endtoend"];

    [Fact]
    public void Tests_are_in_the_folder_of_a_part_of_the_product_in_files_of_their_names()
    {
        string[] parts = [.. SourceTree.Files(".csproj").Select(f => Path.GetDirectoryName(f)!), .. OfTheirOwn];
        SourceTree.AssertNone(SourceTree.Files(".cs").Where(f => f.StartsWith("tests/", StringComparison.Ordinal))
            .SelectMany(f => Misplaced(f, SourceTree.Read(f), parts)));
    }

    [Fact]
    public void A_test_elsewhere_or_in_a_file_of_another_name_is_a_violation() // the control
    {
        const string text = "public sealed class PackTests\n{\n    [Fact]\n";
        Assert.Empty(Misplaced("tests/formats/PackTests.cs", text, ["formats"]));
        Assert.Single(Misplaced("tests/formats/MergeTests.cs", text, ["formats"]));
        Assert.Single(Misplaced("tests/PackTests.cs", text, ["formats"]));
        Assert.Single(Misplaced("tests/Support/PackTests.cs", text, ["formats"]));
        Assert.Empty(Misplaced("tests/Support/PackFile.cs", "class PackFile\n", ["formats"]));
    }

    private static IEnumerable<string> Misplaced(string file, string text, string[] parts)
    {
        if (!Test().IsMatch(text))
            yield break;
        string folder = Path.GetDirectoryName(file)!, part = folder == "tests" ? "" : folder["tests/".Length..];
        if (!parts.Contains(part))
            yield return $"{file}: tests are in the folder of what they test, tests/PART";
        string name = Path.GetFileNameWithoutExtension(file);
        if (Class().Match(text).Groups[1].Value != name || !name.EndsWith("Tests", StringComparison.Ordinal))
            yield return $"{file}: its first class is not {name}, or its name does not end with Tests";
    }

    [GeneratedRegex(@"^\s*\[(?:Fact|Theory)\b", RegexOptions.Multiline)]
    private static partial Regex Test();

    [GeneratedRegex(@"^public sealed (?:unsafe )?(?:partial )?class (\w+)", RegexOptions.Multiline)]
    private static partial Regex Class();
}
