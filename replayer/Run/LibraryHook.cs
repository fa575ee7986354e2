using AllocReplay.Formats;

namespace AllocReplay.Replayer.Run;

/// <summary>
/// Any library that stands before the allocator, such as that of a heap profiler. Each run has a private directory to work in: it is
/// the current directory, and <c>{scratch}</c> in a variable's value stands for it. It goes when the run is over.
/// </summary>
/// <param name="library">Its file.</param>
/// <param name="environment">Its settings, as NAME=VALUE.</param>
public sealed class LibraryHook(string library, IReadOnlyList<string> environment) : IHook
{
    private const string Scratch = "{scratch}";

    /// <inheritdoc/>
    public string Name => Text(library);

    /// <inheritdoc/>
    public string Label => Text(Path.GetFileName(library));

    /// <inheritdoc/>
    public IHookedRun Begin() => new Run(library, environment);

    private string Text(string file) => string.Join(',',
        [ConfigurationText.Quote(file), .. environment.Select(v => v.Split('=', 2)).Select(v => ConfigurationText.Quote(v[0], v[1]))]);

    private sealed class Run : IHookedRun
    {
        private readonly DirectoryInfo _scratch = Directory.CreateTempSubdirectory("allocreplay-hook-");

        public Run(string library, IReadOnlyList<string> environment)
        {
            string[] variables = [.. environment.Select(v => v.Replace(Scratch, _scratch.FullName, StringComparison.Ordinal))];
            Library = new PreloadedHook(library, variables) { Directory = _scratch.FullName };
        }

        public PreloadedHook Library { get; }

        public IReadOnlyDictionary<string, long> Complete(int processId, ReplayInfo replay)
        {
            Abandon();
            return new Dictionary<string, long>();
        }

        public void Abandon() => _scratch.Delete(recursive: true);
    }
}
