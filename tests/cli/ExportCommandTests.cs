using System.Text.Json;
using AllocReplay.Cli;
using AllocReplay.Formats.Packed;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary>What <c>export</c> takes, refuses, writes and says.</summary>
public sealed class ExportCommandTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _runner = new();

    public ExportCommandTests()
    {
        StackSample.Write(_directory["r.allocrec"]);
        TracePacker.Pack(_directory["r.allocrec"], Trace, partial: false);
    }

    private string Trace => _directory["r.alloctrace"];

    public void Dispose()
    {
        _runner.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData("", "main;left();inner 200\nmain;right 110\n[unknown] 7\n[truncated];libx.so.1+0x400 3\n")]
    [InlineData("--unit blocks", "main;left();inner 2\nmain;right 2\n[unknown] 1\n[truncated];libx.so.1+0x400 1\n")]
    [InlineData("--what outstanding", "main;right 60\n[truncated];libx.so.1+0x400 3\n")]
    [InlineData("--what live --at end", "main;right 60\n[truncated];libx.so.1+0x400 3\n")]
    [InlineData("--what live", "main;left();inner 100\nmain;right 50\n")]
    [InlineData("--what live --at peak", "main;left();inner 100\nmain;right 50\n")]
    [InlineData("--what live --at 3ms", "main;right 50\n")]
    [InlineData("--what live --at 0.001", "main;left();inner 100\n")]
    [InlineData("--what live --at 1h", "main;right 60\n[truncated];libx.so.1+0x400 3\n")]
    [InlineData("--what temporary", "main;left();inner 100\n")]
    [InlineData("--what temporary --to-mark late", "")]
    [InlineData("--what allocated --from-mark late --interval 1", "main;left();inner 100\nmain;right 60\n[unknown] 7\n[truncated];libx.so.1+0x400 3\n")]
    public void Collapsed_stacks_go_to_standard_output(string options, string expected)
    {
        Assert.Equal(ExitCode.Ok, Run("collapsed", options));
        Assert.Equal(expected, _runner.Output);
        Assert.Equal(expected.Length == 0, _runner.Error.Contains("no such blocks", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("collapsed", "x.txt", "", "6 allocated blocks, 320 B, 5 stacks; open it with: flamegraph.pl x.txt > x.svg\n")]
    [InlineData("speedscope", "x.json", "--what live", "2 live blocks at 2.0 ms, 150 B, 2 stacks; open it with: speedscope x.json\n")]
    [InlineData("pprof", "x.pb.gz", "--what temporary", "1 temporary block, 100 B, 1 stack; open it with: go tool pprof -http=: x.pb.gz\n")]
    [InlineData("heaptrack", "x.gz", "", "6 blocks, 320 B, 5 stacks; open it with: heaptrack_gui x.gz\n")]
    public void A_file_is_written_whole_and_the_last_line_says_what_opens_it(string format, string name, string options, string last)
    {
        string file = _directory[name];
        Assert.Equal(ExitCode.Ok, Run(format, $"{options} -o {file}"));

        Assert.Equal("", _runner.Output);
        Assert.EndsWith(last, _runner.Error.Replace(_directory.Path + "/", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.StartsWith("allocreplay: exported ", _runner.Error.TrimEnd('\n').Split('\n')[^1], StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        byte[] written = File.ReadAllBytes(file);
        Assert.NotEmpty(written);
        Assert.Empty(Directory.GetFiles(_directory.Path, ".*"));

        Assert.Equal(ExitCode.Usage, Run(format, $"{options} -o {file}"));
        Assert.Matches("^allocreplay: [^\n]*: already there; choose another name, or replace it with --force\n$", _runner.Error);
        File.WriteAllText(file, "old");
        Assert.Equal(ExitCode.Ok, Run(format, $"{options} -o {file} --force"));
        Assert.Equal(written, File.ReadAllBytes(file));
    }

    [Theory]
    [InlineData("heaptrack", "--what live -o DIR/x.gz", "--what: does not go with --format heaptrack")]
    [InlineData("heaptrack", "--at peak -o DIR/x.gz", "--at: does not go with --format heaptrack")]
    [InlineData("heaptrack", "-o DIR/x.heaptrack", "opens this as ")]
    [InlineData("pprof", "--unit bytes -o DIR/x", "--unit: is for --format collapsed")]
    [InlineData("collapsed", "--what allocated --at end", "--at: goes with --what live")]
    [InlineData("collapsed", "--what live --at noon", "--at noon: expected a time")]
    [InlineData("collapsed", "--what all", "--what all: expected allocated, outstanding, live or temporary")]
    [InlineData("svg", "", "--format svg: expected collapsed, speedscope, pprof or heaptrack")]
    [InlineData("collapsed", "--json", "--json: what is exported goes to standard output already")]
    [InlineData("collapsed", "--from-mark none", "no mark none")]
    [InlineData("collapsed", "-o DIR/r.allocrec/x", "would be inside a recording")]
    public void Options_that_do_not_go_together_are_refused(string format, string options, string words)
    {
        string[] before = Directory.GetFileSystemEntries(_directory.Path);
        Assert.Equal(ExitCode.Usage, Run(format, options.Replace("DIR", _directory.Path, StringComparison.Ordinal)));
        Assert.Contains(words, _runner.Error, StringComparison.Ordinal);
        Assert.Equal("", _runner.Output);
        Assert.Equal(before, Directory.GetFileSystemEntries(_directory.Path));
    }

    [Theory]
    [InlineData("collapsed", "-o DIR/x")]
    [InlineData("heaptrack", "-o DIR/x.gz")]
    [InlineData("speedscope", "")]
    public void A_trace_without_stacks_says_how_to_record_them(string format, string options)
    {
        SampleTrace.Write(_directory["plain.allocrec"]);
        string trace = _directory["plain.allocrec"];

        int code = _runner.Run(["export", trace, "--format", format, .. Words(options.Replace("DIR", _directory.Path, StringComparison.Ordinal))]);

        Assert.Equal((ExitCode.BadInput, ""), (code, _runner.Output));
        Assert.Equal($"allocreplay: {trace}: the trace has no stacks: record with --stacks auto\n", _runner.Error);
        Assert.DoesNotContain(Directory.GetFileSystemEntries(_directory.Path), f => Path.GetFileName(f) is "x" or "x.gz" or ['.', ..]);
    }

    [Fact]
    public void A_damaged_trace_is_exported_where_that_is_asked_for()
    {
        byte[] bytes = File.ReadAllBytes(Trace);
        File.WriteAllBytes(Trace, bytes[..^30]);

        Assert.Equal(ExitCode.BadInput, Run("collapsed", ""));
        Assert.Equal("", _runner.Output);
        Assert.Contains("--partial goes on with what is readable", _runner.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.BadInput, Run("heaptrack", $"-o {_directory["x.gz"]}"));
        Assert.False(File.Exists(_directory["x.gz"]));
        Assert.Equal(ExitCode.Ok, Run("collapsed", "--partial"));
        Assert.StartsWith("main;left();inner 200\n", _runner.Output, StringComparison.Ordinal);
        Assert.Contains("warning: the trace is damaged", _runner.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Figures_of_a_sample_are_said_to_be_of_it()
    {
        const string note = "1 address in 10 was recorded: the figures are of those";
        new StackRecording(_directory["sample.allocrec"], sample: 10).Malloc(8, 0x1000, 5, stack: 0).Save();

        Assert.Equal(ExitCode.Ok, _runner.Run("export", _directory["sample.allocrec"], "--format", "collapsed"));
        Assert.Equal("[unknown] 5\n", _runner.Output);
        Assert.Contains(note, _runner.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Ok, Run("collapsed", ""));
        Assert.DoesNotContain(note, _runner.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Json_says_what_was_written()
    {
        Assert.Equal(ExitCode.Ok, Run("pprof", $"--what live --json -o {_directory["x.pb.gz"]}"));
        using JsonDocument json = JsonDocument.Parse(_runner.Output);
        JsonElement Property(string name) => json.RootElement.GetProperty(name);
        Assert.Equal(("allocreplay.export/1", "pprof", "live"),
            (Property("schema").GetString(), Property("format").GetString(), Property("what").GetString()));
        Assert.Equal((2L, 150L, 2L, 2_000_000L),
            (Property("blocks").GetInt64(), Property("bytes").GetInt64(), Property("stacks").GetInt64(), Property("at_ns").GetInt64()));
        Assert.Equal((_directory["x.pb.gz"], JsonValueKind.Null), (Property("file").GetString(), Property("damage").ValueKind));
    }

    private int Run(string format, string options) => _runner.Run(["export", Trace, "--format", format, .. Words(options)]);

    private static string[] Words(string options) => options.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
