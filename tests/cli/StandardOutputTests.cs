using AllocReplay.Cli;
using AllocReplay.Formats.Calls;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary>Where output goes, commands follow: they end with their reader, say that a disk is full, and write plain text.</summary>
[StartsProcesses]
public sealed class StandardOutputTests : IDisposable
{
    /// <summary>Lines of so many events are more than a pipe holds.</summary>
    private const int Events = 5_000;

    private readonly TemporaryDirectory _directory = new();

    public StandardOutputTests()
    {
        Directory.CreateDirectory(Trace);
        var writer = new RecordingWriter(Trace);
        writer.Thread(0).Event(0, CallKind.ThreadStart);
        for (int i = 0; i < Events; i++)
            writer.Thread(0).Malloc(80 * (i + 1), 0x10000 + 64 * (ulong)i, (ulong)i);
        writer.Save();
        StackSample.Write(_directory["stacks.allocrec"]);
    }

    public void Dispose() => _directory.Dispose();

    private string Trace => _directory["svc.allocrec"];

    [Theory]
    [InlineData("dump TRACE")]
    [InlineData("dump TRACE --json")]
    [InlineData("info TRACE")]
    [InlineData("info TRACE --json")]
    [InlineData("allocators")]
    [InlineData("query --list-views")]
    [InlineData("export STACKS --format collapsed")]
    [InlineData("export STACKS --format pprof")]
    [InlineData("export STACKS --format heaptrack")]
    [InlineData("--help")]
    public void A_reader_that_has_gone_ends_a_command_without_a_word(string command)
    {
        // What reads closes the pipe, and only then lets the command begin.
        ProgramResult result = Bash($"mkfifo {_directory["go"]}; set -o pipefail; "
            + $"{{ read -r _ <{_directory["go"]}; {CommandOf(command)}; }} | {{ exec 0<&-; echo >{_directory["go"]}; }}");

        Assert.Equal((ExitCode.OutputClosed, "", ""), (result.ExitCode, result.Output, result.Error));
    }

    [Fact]
    public void A_reader_that_leaves_in_the_middle_ends_dump()
    {
        ProgramResult result = Bash($"set -o pipefail; {CommandOf("dump TRACE")} | head -n 1");

        Assert.Equal((ExitCode.OutputClosed, ""), (result.ExitCode, result.Error));
        Assert.Matches(@"^#  [^\n]*\n$", result.Output);
    }

    [Theory]
    [InlineData("dump TRACE")]
    [InlineData("info TRACE --json")]
    [InlineData("query --list-views")]
    [InlineData("export STACKS --format speedscope")]
    [InlineData("export STACKS --format heaptrack")]
    [InlineData("--help")]
    public void A_full_disk_is_one_line_and_exit_4(string command)
    {
        ProgramResult result = Bash($"{CommandOf(command)} >/dev/full");

        Assert.Equal(ExitCode.NotPossible, result.ExitCode);
        Assert.Equal("allocreplay: cannot write standard output: No space left on device\n", result.Error);
    }

    [Theory]
    [InlineData("pprof", "-o FILE writes a file")]
    [InlineData("heaptrack", "-o FILE.gz writes a file")]
    public void What_is_not_text_is_not_written_to_a_terminal(string format, string hint)
    {
        Programs.Need("script");
        ProgramResult result = Programs.Run("script", ["-qec", CommandOf($"export STACKS --format {format}"), "/dev/null"]);

        Assert.Equal(ExitCode.Usage, result.ExitCode);
        Assert.Contains($"standard output is a terminal; {hint}", result.Output, StringComparison.Ordinal);
        result = Programs.Run("script", ["-qec", CommandOf("export STACKS --format collapsed"), "/dev/null"]); // the control
        Assert.Equal(ExitCode.Ok, result.ExitCode);
        Assert.Contains("main;right 110", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_others_wrote_to_the_same_file_stays()
    {
        string file = _directory["log"];
        Bash($"{{ echo before; {CommandOf("dump TRACE --limit 1")}; echo after; }} >{file} 2>&1");

        string[] lines = File.ReadAllLines(file);
        Assert.Equal(("before", "after", 4), (lines[0], lines[^1], lines.Length));
    }

    [Theory]
    [InlineData("info TRACE", "60")]
    [InlineData("info TRACE", "")]
    [InlineData("allocators", "70")]
    [InlineData("allocators", "")]
    public void What_is_redirected_is_plain_and_trimmed_and_as_wide_as_COLUMNS_says(string command, string columns)
    {
        ProgramResult result = Bash($"COLUMNS={columns} {CommandOf(command)}");

        Assert.Equal(ExitCode.Ok, result.ExitCode);
        Assert.All(result.Output.TrimEnd('\n').Split('\n'), line =>
        {
            Assert.Equal(line.TrimEnd(), line);
            Assert.DoesNotContain('\e', line);
            Assert.True(columns.Length == 0 || line.Length <= int.Parse(columns, null), line);
        });
    }

    private string CommandOf(string arguments) =>
        $"dotnet {Path.Combine(AppContext.BaseDirectory, "allocreplay.dll")} {arguments.Replace("TRACE", Trace, StringComparison.Ordinal)
            .Replace("STACKS", _directory["stacks.allocrec"], StringComparison.Ordinal)}";

    private static ProgramResult Bash(string script) => Programs.Run("bash", ["-c", script]);
}
