namespace AllocReplay.Bench;

/// <summary>A directory for a benchmark's files, and for its programs built from <c>native</c>.</summary>
internal sealed class WorkDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("allocreplay-bench-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Builds a program or library.</summary>
    /// <returns>Its path.</returns>
    public string Compile(string source, string output, params string[] flags)
    {
        Shell.Run("cc", ["-O2", .. flags, "-o", this[output], System.IO.Path.Combine(SourceDirectory(), source), "-ldl"]);
        return this[output];
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);

    private static string SourceDirectory([System.Runtime.CompilerServices.CallerFilePath] string file = "") =>
        System.IO.Path.Combine(System.IO.Path.GetDirectoryName(file)!, "native");
}
