namespace AllocReplay.Replayer;

/// <summary>The values of an enumeration as options, recordings and JSON write them: in small letters.</summary>
public static class ValueName
{
    /// <summary>All names, in the order of the values.</summary>
    public static IReadOnlyList<string> All<T>()
        where T : struct, Enum => [.. Enum.GetValues<T>().Select(v => Of(v))];

    public static string Of<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();

    /// <summary>The value of that name, or null.</summary>
    public static T? Parse<T>(string name)
        where T : struct, Enum => All<T>().Contains(name) ? Enum.Parse<T>(name, ignoreCase: true) : null;
}
