namespace AllocReplay.Tests.Support;

/// <summary>What <c>./build.sh dist</c> has made.</summary>
internal static class Distribution
{
    private static string Folder => Path.Combine(SourceTree.Root, "artifacts", "dist");

    /// <summary>The archive of the native recorder; the test is skipped where there is none.</summary>
    public static string Recorder
    {
        get
        {
            string? file = Directory.Exists(Folder)
                ? Directory.GetFiles(Folder, "allocreplay-recorder-*-linux-x64.tar.gz").SingleOrDefault() : null;
            Assert.SkipWhen(file is null, "./build.sh dist has not made the recorder");
            return file;
        }
    }

    /// <summary>Unpacks it.</summary>
    /// <returns>Its directory's name, below that one.</returns>
    public static string Unpack(string directory)
    {
        string archive = Recorder;
        Assert.Equal(0, Programs.Run("tar", ["-xzf", archive, "-C", directory, "--no-same-owner"]).ExitCode);
        return Path.GetFileName(archive)[..^".tar.gz".Length];
    }
}
