namespace AllocReplay.Tests.Support;

/// <summary>The program of the notebooks, both releases, each recorded and analyzed once a run; and Debian's Python, which notebooks are run by.</summary>
internal static class RecordedShop
{
    public const string Python = "/usr/bin/python3";

    private static readonly TemporaryDirectory Directory = new();
    private static readonly Lazy<bool> Made = new(Make);

    static RecordedShop() => AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Dispose();

    public static string Notebooks => Path.Combine(SourceTree.Root, "analyzer", "notebooks");

    public static string PythonPackage => Path.Combine(SourceTree.Root, "analyzer", "python");

    /// <summary>The dataset of the first release.</summary>
    public static string First => Made.Value ? Directory["1.parquet"] : "";

    /// <summary>One dataset of both releases.</summary>
    public static string Both => Made.Value ? Directory["both.parquet"] : "";

    /// <summary>Runs Debian's Python with the package on its path; the test is skipped where a module is not installed.</summary>
    /// <param name="temporary">Where what it makes goes.</param>
    /// <param name="environment">More variables.</param>
    /// <param name="modules">What has to be there.</param>
    /// <param name="arguments">What it is to run.</param>
    public static ProgramResult RunPython(string temporary, (string Name, string Value)[] environment, string[] modules, params string[] arguments)
    {
        string import = $"import {string.Join(", ", modules)}";
        Assert.SkipUnless(
            File.Exists(Python) && Programs.Run(Python, ["-c", import]).ExitCode == 0, $"{Python} lacks one of the modules {string.Join(", ", modules)}");
        return Programs.Run(Python, arguments, start =>
        {
            start.WorkingDirectory = temporary;
            start.Environment["TMPDIR"] = start.Environment["HOME"] = temporary; // settings and caches of the user's are not ours to use
            start.Environment["PYTHONPATH"] = PythonPackage;
            start.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
            start.Environment["ALLOCREPLAY"] = Programs.AllocReplayCommand;
            foreach ((string name, string value) in environment)
                start.Environment[name] = value;
        });
    }

    private static bool Make()
    {
        string shop = Directory["shop"];
        Expect(Programs.Run("cc", ["-O1", "-g", "-Wall", "-Wextra", "-o", shop, Path.Combine(Notebooks, "shop.c")]));
        foreach (string release in new[] { "1", "2" })
        {
            string trace = Directory[release + ".alloctrace"];
            Expect(Programs.AllocReplay("record", "--stacks", "auto", "-o", trace, "--", shop, release));
            Expect(Programs.AllocReplay("analyze", trace, "-o", Directory[release + ".parquet"]));
            Expect(Programs.AllocReplay("analyze", trace, "-o", Directory["both.parquet"], "--force"));
        }
        return true;
    }

    private static void Expect(ProgramResult result) => Assert.True(result.ExitCode == 0, result.Output + result.Error);
}
