namespace AllocReplay.Tests.Support;

/// <summary>
/// How much a random test tries. Where the tests are run once for each of a thousand mutants, as <c>./build.sh mutate</c> does, a part of it:
/// what a mutant does wrong it does wrong often.
/// </summary>
internal static class Effort
{
    private static readonly bool IsSmall = Environment.GetEnvironmentVariable("ALLOCREPLAY_TESTS") == "mutate";

    public static int Of(int all, int small) => IsSmall ? small : all;
}
