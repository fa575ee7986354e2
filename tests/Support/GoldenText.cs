namespace AllocReplay.Tests.Support;

/// <summary>Text that a test makes and the repository keeps: compared, or written anew with <c>UPDATE_GOLDEN=1</c>.</summary>
internal static class GoldenText
{
    /// <param name="path">Under the repository's root.</param>
    /// <param name="text">What the file should hold.</param>
    public static void Check(string path, string text)
    {
        string file = Path.Combine(SourceTree.Root, path);
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
            File.WriteAllText(file, text);
        Assert.Equal(File.ReadAllText(file), text);
    }
}
