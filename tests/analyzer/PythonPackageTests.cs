using System.IO.Compression;
using System.Runtime.InteropServices;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Analyzer;

/// <summary>The Python package, by its own tests and by its build.</summary>
[StartsProcesses]
public sealed class PythonPackageTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Its_tests_pass()
    {
        StackSample.Write(_directory["trace"]);
        SampleTrace.Analyze(_directory["trace"], _directory["it's a [data]*set"]);
        string engine = Path.Combine(AppContext.BaseDirectory, "runtimes", RuntimeInformation.RuntimeIdentifier, "native", "libduckdb.so");

        ProgramResult result = RecordedShop.RunPython(
            _directory.Path, [("DATASET", _directory["it's a [data]*set"]), ("LIBDUCKDB", engine)], ["pandas", "matplotlib"],
            "-m", "unittest", "discover", "-s", Path.Combine(RecordedShop.PythonPackage, "tests"));

        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Matches(@"Ran \d\d tests", result.Error);
    }

    [Fact]
    public void Its_build_has_the_views_of_the_source_tree_and_no_others()
    {
        Copy("analyzer/python", ".py", ".toml", ".md");
        Copy("analyzer/views", ".sql");
        string built = _directory["built"];

        ProgramResult result = RecordedShop.RunPython(_directory.Path, [], ["setuptools", "wheel"],
            "-c", "import os; os.chdir('analyzer/python'); import setuptools.build_meta as b; print(b.build_wheel('" + built + "'))");

        Assert.True(result.ExitCode == 0, result.Error);
        using ZipArchive wheel = ZipFile.OpenRead(Assert.Single(Directory.GetFiles(built, "*.whl")));
        string[] views = [.. wheel.Entries.Select(e => e.FullName).Where(n => n.EndsWith(".sql", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
        Assert.Equal(
            SourceTree.Files(".sql").Where(f => f.StartsWith("analyzer/views/", StringComparison.Ordinal)).Select(f => f.Replace("analyzer", "allocreplay")),
            views);
        Assert.Contains(wheel.Entries, e => e.FullName == "allocreplay/_dataset.py");
    }

    private void Copy(string folder, params string[] extensions)
    {
        foreach (string file in SourceTree.Files(extensions).Where(f => f.StartsWith(folder + "/", StringComparison.Ordinal)))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_directory[file])!);
            File.Copy(Path.Combine(SourceTree.Root, file), _directory[file]);
        }
    }
}
