using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Repository;

/// <summary>
/// The runtime's cryptography ends the process where the system has no OpenSSL, as many that programs are recorded on: what is in the native recorder
/// does without. Random numbers come of new ids.
/// </summary>
public sealed class CryptographyTests
{
    private static readonly string[] Recorder = ["recorder/", "formats/", "symbols/", "cli/"];

    [Fact]
    public void Nothing_that_records_names_it() =>
        SourceTree.AssertNone(SourceTree.Files(".cs").Where(f => Recorder.Any(r => f.StartsWith(r, StringComparison.Ordinal)))
            .Where(f => IsNamed(SourceTree.Read(f))));

    [Fact]
    public void A_file_that_names_it_is_noticed() => Assert.True(IsNamed("using System.Security.Cryptography;\n")); // the control

    private static bool IsNamed(string text) => text.Contains("System.Security.Cryptography", StringComparison.Ordinal);
}
