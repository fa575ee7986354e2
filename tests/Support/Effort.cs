namespace AllocReplay.Tests.Support;

/// <summary>
/// How much a random test tries. A part of it in a fast run, and where the tests are run once for each of a thousand mutants, as
/// <c>./build.sh mutate</c> does: what is wrong is wrong often.
/// </summary>
internal static class Effort
{
    private static readonly bool IsSmall = Environment.GetEnvironmentVariable(ProcessBan.Variable) is "mutate" or ProcessBan.Fast;

    public static int Of(int all, int small) => IsSmall ? small : all;
}
