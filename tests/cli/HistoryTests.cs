using AllocReplay.Cli.Prompt;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary>What a prompt remembers, in memory and in its file.</summary>
public sealed class HistoryTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly List<string> _warnings = [];

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void An_entry_that_is_blank_or_the_same_as_the_last_is_not_kept()
    {
        var kept = new List<string>();
        var history = new History(["a;"], kept.Add);
        foreach (string text in new[] { "a;", " a; \n", "", " \n", "b;", "b;", "a;" })
            history.Add(text);
        Assert.Equal(["b;", "a;"], kept);
        Assert.Equal(["a;", "b;", "a;"], [history.Older("draft"), history.Older(""), history.Older("")]);
        Assert.Null(history.Older(""));
        Assert.Equal(["b;", "a;", "draft"], [history.Newer(), history.Newer(), history.Newer()]);
        Assert.Null(history.Newer());
    }

    [Fact]
    public void Entries_come_back_as_they_were_and_nobody_else_can_read_them()
    {
        string[] entries = ["SELECT 1;", "SELECT 'a\\nb\\',\n  '語\\\\';", "\t.tables", "x\n\n\ny"];
        HistoryFile file = Open("state/allocreplay/history");
        Assert.Empty(file.Load());
        foreach (string entry in entries)
            file.Add(entry);
        Assert.Equal(entries, Open("state/allocreplay/history").Load());
        Assert.Equal(entries.Length, File.ReadAllLines(_directory["state/allocreplay/history"]).Length);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_directory["state/allocreplay/history"]));
        foreach (string directory in new[] { "state", "state/allocreplay" })
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(_directory[directory]));
        Assert.Empty(_warnings);
    }

    [Fact]
    public void Two_prompts_keep_one_history()
    {
        HistoryFile one = Open("history"), other = Open("history");
        one.Add("a;");
        other.Add("b;");
        one.Add("c;");
        Assert.Equal(["a;", "b;", "c;"], other.Load());
    }

    [Fact]
    public void A_file_that_has_grown_too_long_loses_its_oldest_entries()
    {
        File.WriteAllLines(_directory["history"], Enumerable.Range(0, HistoryFile.EntriesMax + 7).Select(i => $"SELECT {i};"));
        IReadOnlyList<string> loaded = Open("history").Load();
        Assert.Equal((HistoryFile.EntriesMax, "SELECT 7;"), (loaded.Count, loaded[0]));
        Assert.Equal(HistoryFile.EntriesMax, File.ReadAllLines(_directory["history"]).Length);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_directory["history"]));
        Assert.Equal([_directory["history"]], Directory.GetFiles(_directory.Path));
    }

    [Fact]
    public void Of_a_file_beyond_reason_the_end_is_read()
    {
        File.WriteAllText(_directory["history"], new string('x', 5 << 20) + "\nSELECT 1;\n");
        Assert.Equal(["SELECT 1;"], Open("history").Load());
        Assert.True(new FileInfo(_directory["history"]).Length < 100);
    }

    [Fact]
    public void That_it_cannot_be_kept_is_told_once_and_ends_nothing()
    {
        File.WriteAllText(_directory["file"], "");
        HistoryFile file = Open("file/allocreplay/history");
        Assert.Empty(file.Load());
        file.Add("a;");
        file.Add("b;");
        Assert.Single(_warnings);
        Assert.StartsWith("no history is kept: ", _warnings[0], StringComparison.Ordinal);

        Directory.CreateDirectory(_directory["history"]);
        Open("history").Add("a;");
        Assert.Equal(2, _warnings.Count);

        File.CreateSymbolicLink(_directory["zero"], "/dev/zero");
        Assert.Empty(Open("zero").Load());
        Assert.Equal(3, _warnings.Count);

        HistoryFile pipe = new(NamedPipe.Create(_directory["pipe"]), _warnings.Add);
        Assert.Empty(pipe.Load());
        pipe.Add("a;");
        Assert.Equal($"no history is kept: {_directory["pipe"]}: is no regular file", _warnings[^1]);
        Assert.Equal(4, _warnings.Count);
    }

    private HistoryFile Open(string path) => new(_directory[path], _warnings.Add);
}
