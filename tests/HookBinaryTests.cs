using AllocReplay.Formats;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests;

/// <summary>What the hook asks of the system it is loaded on, and whether it behaves under a sanitizer.</summary>
public sealed class HookBinaryTests : IDisposable
{
    private static readonly Version Floor = new(2, 28);

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Symbols_are_those_of_the_snapshot_and_none_is_newer_than_glibc_2_28()
    {
        Assert.SkipUnless(Programs.Exists("nm"), "nm is not installed");
        string[] symbols = Programs.Run("nm", ["-D", "--with-symbol-versions", HookBuild.Default]).Output
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => l.Length > 17 ? l[17..] : l).Order(StringComparer.Ordinal).ToArray();
        foreach (string version in symbols.Where(s => s.Contains("@GLIBC_", StringComparison.Ordinal)).Select(s => s[(s.IndexOf("@GLIBC_", StringComparison.Ordinal) + 7)..]))
            Assert.True(Version.Parse(version) <= Floor, version);

        string golden = Path.Combine(Repository.Root, "tests", "golden", "hook-symbols.txt"), actual = string.Join('\n', symbols) + "\n";
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
            File.WriteAllText(golden, actual);
        Assert.SkipUnless(System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.X64, "the snapshot is of x86-64");
        Assert.Equal(File.ReadAllText(golden), actual);
    }

    /// <remarks>Traps, so that no sanitizer runtime is needed. AddressSanitizer, whose runtime interposes malloc itself, is not tested.</remarks>
    [Theory]
    [InlineData("known_calls.c")]
    [InlineData("fork.c")]
    [InlineData("short_threads.c")]
    [InlineData("thread_exit.c")]
    public void Undefined_behaviour_would_trap_and_does_not(string target)
    {
        string hook = HookBuild.With(_directory["ubsan.so"], "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error");
        Directory.CreateDirectory(_directory["r"]);
        ProgramResult result = Programs.Run(Targets.Build(target), [], start =>
        {
            start.Environment["LD_PRELOAD"] = hook;
            start.Environment["ALLOCREPLAY_DIR"] = _directory["r"];
        });
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        using TraceReader reader = TraceReader.Open(_directory["r"]);
        Assert.True(TraceStatistics.Of(reader).Calls > 0);
        Assert.Null(reader.Damage);
    }
}
