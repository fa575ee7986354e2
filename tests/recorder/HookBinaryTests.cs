using System.Runtime.InteropServices;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>What the hook asks of the system it is loaded on.</summary>
[StartsProcesses]
public sealed class HookBinaryTests : IDisposable
{
    private static readonly Version Floor = new(2, 17);

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Symbols_are_those_of_the_snapshot_and_none_is_newer_than_glibc_2_17()
    {
        Programs.Need("nm");
        string[] symbols = Programs.Run("nm", ["-D", "--with-symbol-versions", HookBuild.Default]).Output
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => l.Length > 17 ? l[17..] : l).Order(StringComparer.Ordinal).ToArray();
        foreach (string symbol in symbols.Where(s => s.Contains("@GLIBC_", StringComparison.Ordinal)))
            Assert.True(Version.Parse(symbol[(symbol.IndexOf("@GLIBC_", StringComparison.Ordinal) + 7)..]) <= Floor, symbol);

        string golden = Path.Combine(SourceTree.Root, "tests", "golden", "hook-symbols.txt"), actual = string.Join('\n', symbols) + "\n";
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
            File.WriteAllText(golden, actual);
        Assert.SkipUnless(RuntimeInformation.ProcessArchitecture == Architecture.X64, "the snapshot is of x86-64");
        Assert.Equal(File.ReadAllText(golden), actual);
    }
}
