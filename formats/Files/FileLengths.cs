namespace AllocReplay.Formats.Files;

/// <summary>Lengths of files that others write, and may take away meanwhile: one that is gone has none.</summary>
internal static class FileLengths
{
    private static readonly EnumerationOptions Below = new()
    {
        RecurseSubdirectories = true,
        AttributesToSkip = FileAttributes.ReparsePoint,
        IgnoreInaccessible = true,
    };

    /// <summary>Bytes of a file.</summary>
    public static long Of(string path)
    {
        try
        {
            return new FileInfo(path).Length;
        }
        catch (FileNotFoundException)
        {
            return 0;
        }
    }

    /// <summary>Bytes of the files in a directory, and below it.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="names">What they are called: * stands for anything.</param>
    public static long Sum(string directory, string names)
    {
        try
        {
            return Directory.EnumerateFiles(directory, names, Below).Sum(Of);
        }
        catch (DirectoryNotFoundException)
        {
            return 0;
        }
    }
}
