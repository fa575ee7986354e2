using System.IO.Compression;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Repository;

/// <summary>The NuGet package of the formats library, and the example in its README.</summary>
[StartsProcesses]
public sealed partial class PackageTests : IDisposable
{
    private const string Version = "0.0.1-test";

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void The_example_of_the_package_s_readme_runs_on_the_package()
    {
        // Packed from what was built with the tests, by the same configuration.
        string configuration = Path.GetFileName(Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory))!);
        Dotnet("pack", Path.Combine(SourceTree.Root, "formats/AllocReplay.Formats.csproj"), "--no-build", "-c", configuration, "-o", _directory["feed"],
            $"-p:PackageVersion={Version}");
        AssertWhole(_directory[$"feed/AllocReplay.Formats.{Version}.nupkg"]);

        string readme = File.ReadAllText(Path.Combine(SourceTree.Root, "formats/README.md"));
        string example = Assert.Single(CodeBlock().Matches(readme)).Groups[1].Value;
        Assert.InRange(example.Split('\n').Count(l => l.Trim() is not ("" or "{" or "}")), 5, 10);
        Directory.CreateDirectory(_directory["example"]);
        File.WriteAllText(_directory["example/Program.cs"], example);
        File.WriteAllText(_directory["example/example.csproj"], Project());
        Dotnet("build", _directory["example"], "-o", _directory["out"]);

        Directory.CreateDirectory(_directory["r.allocrec"]);
        SampleTrace.Write(_directory["r.allocrec"]);
        ProgramResult run = Programs.Run("dotnet", [_directory["out/example.dll"], _directory["r.allocrec"]]);
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal("         1 blocks of        127 bytes\n         1 blocks of        100 bytes\n", run.Output);
    }

    /// <summary>
    /// Needs no network: the package comes from the feed, and what it depends on from where the build of this repository put it. What is
    /// restored stays in the test's directory, so that no later build finds this package for the real one.
    /// </summary>
    private string Project()
    {
        string cache = Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } set
            ? set
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget/packages");
        return new XElement("Project", new XAttribute("Sdk", "Microsoft.NET.Sdk"),
            new XElement("PropertyGroup",
                new XElement("OutputType", "Exe"),
                new XElement("TargetFramework", "net10.0"),
                new XElement("Nullable", "enable"),
                new XElement("ImplicitUsings", "enable"),
                new XElement("TreatWarningsAsErrors", "true"),
                new XElement("UseAppHost", "false"),
                new XElement("NuGetAudit", "false"),
                new XElement("RestoreSources", _directory["feed"]),
                new XElement("RestorePackagesPath", _directory["packages"]),
                new XElement("RestoreFallbackFolders", cache)),
            new XElement("ItemGroup",
                new XElement("PackageReference", new XAttribute("Include", "AllocReplay.Formats"), new XAttribute("Version", Version)))).ToString();
    }

    private static void AssertWhole(string package)
    {
        using ZipArchive zip = ZipFile.OpenRead(package);
        string[] names = [.. zip.Entries.Select(e => e.FullName)];
        Assert.All(["README.md", "SPEC.md", "lib/net10.0/AllocReplay.Formats.dll", "lib/net10.0/AllocReplay.Formats.xml"], n => Assert.Contains(n, names));
        using Stream stream = zip.GetEntry("AllocReplay.Formats.nuspec")!.Open();
        string[] facts = [.. XDocument.Load(stream).Descendants().Where(e => !e.HasElements).Select(e => $"{e.Name.LocalName}: {e.Value}")];
        Assert.Contains("license: Apache-2.0", facts);
        Assert.Contains("readme: README.md", facts);
        Assert.Contains(facts, f => f.StartsWith("description: Reads AllocReplay recordings", StringComparison.Ordinal));
    }

    /// <summary>No servers that outlive the command: they would keep its output open.</summary>
    private static void Dotnet(string command, params string[] arguments)
    {
        ProgramResult result = Programs.Run("dotnet", [command, .. arguments, "--nologo", "-v", "quiet", "-nodeReuse:false", "-p:UseSharedCompilation=false"],
            start => start.Environment["MSBUILDDISABLENODEREUSE"] = "1");
        Assert.True(result.ExitCode == 0, result.Output + result.Error);
    }

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex CodeBlock();
}
