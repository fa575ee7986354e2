using AllocReplay.Formats;
using AllocReplay.Tests.Support;
using PublicApiGenerator;

namespace AllocReplay.Tests.Repository;

/// <summary>The formats library has users of its own: what they see of it changes only when it is meant to.</summary>
public sealed class PublicApiTests
{
    /// <summary>New each time: asked about a type, the generator keeps it in them.</summary>
    private static ApiGeneratorOptions Options => new() { IncludeAssemblyAttributes = false };

    [Fact]
    public void The_public_members_of_the_formats_library_are_those_of_the_snapshot()
    {
        string golden = Path.Combine(SourceTree.Root, "tests", "golden", "formats-api.txt");
        string api = typeof(TraceReader).Assembly.GeneratePublicApi(Options) + "\n";
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
            File.WriteAllText(golden, api);
        Assert.Equal(File.ReadAllText(golden), api);
    }

    [Fact]
    public void A_member_more_or_less_changes_the_snapshot() // the control
    {
        string one = typeof(One).GeneratePublicApi(Options), two = typeof(Two).GeneratePublicApi(Options);
        Assert.DoesNotContain("Size", one, StringComparison.Ordinal);
        Assert.Contains("public int Size { get; }", two, StringComparison.Ordinal);
    }
}

/// <summary>For the control; not nested, as the generator shows such types with what they are in.</summary>
public sealed class One;

/// <inheritdoc cref="One"/>
public sealed class Two
{
    public int Size { get; }
}
