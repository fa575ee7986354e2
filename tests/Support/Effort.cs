namespace AllocReplay.Tests.Support;

/// <summary>
/// How much a random test tries. A part of it in a fast run, and where the tests are run once for each of a thousand mutants, as
/// <c>./build.sh mutate</c> does: what is wrong is wrong often.
/// </summary>
internal static class Effort
{
    private static readonly string? Asked = Environment.GetEnvironmentVariable(ProcessBan.Variable);

    public static int Of(int all, int small) => Asked is "mutate" or ProcessBan.Fast ? small : all;

    /// <summary>All only for <c>./build.sh test --all</c>: what takes minutes.</summary>
    public static int OfLong(int all, int usual) => Asked == "all" ? all : usual;
}
