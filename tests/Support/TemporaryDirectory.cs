namespace AllocReplay.Tests.Support;

/// <summary>A directory of a test's own, removed with its contents. Recordings in it are packed first, as <see cref="PackedTwin"/> says.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("allocreplay-test-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose()
    {
        try
        {
            PackedTwin.AssertSameUnder(Path);
        }
        finally
        {
            Directory.Delete(Path, recursive: true);
        }
    }
}
