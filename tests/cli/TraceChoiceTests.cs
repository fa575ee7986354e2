using AllocReplay.Formats.Recording;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary>What of a trace a command reads: one process image, one interval, the stretch between two marks.</summary>
[StartsProcesses]
public sealed class TraceChoiceTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("info")]
    [InlineData("dump")]
    [InlineData("replay")]
    public void Which_of_several_images_was_taken_is_said_unless_it_was_chosen(string command)
    {
        WriteMarked("p100.0");
        ProgramResult one = Run(command), chosen;
        Assert.DoesNotContain("process images", one.Error, StringComparison.Ordinal);
        WriteMarked("p101.0", more: 100);
        Assert.Contains("Note: p101.0 (test) is the busiest of 2 process images; --process chooses another\n", Run(command).Error, StringComparison.Ordinal);
        chosen = Run(command, "--process", "p100.0");
        Assert.DoesNotContain("is the busiest", chosen.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("info", "calls +1 ")]
    [InlineData("dump", "^#.*\n[^\n]*malloc[^\n]*\n$")]
    [InlineData("analyze", "allocations +1 ")]
    [InlineData("replay", "replayed +1 call")]
    public void The_stretch_between_two_marks_is_what_a_command_reads(string command, string expected)
    {
        WriteMarked("p100.0");
        ProgramResult result = Run(command, "--from-mark", "begin", "--to-mark", "the end");
        Assert.Matches(expected, result.Output);
    }

    [Theory]
    [InlineData("--from-mark", "nowhere", "no mark nowhere; there are begin, the end")]
    [InlineData("--to-mark", "nowhere", "no mark nowhere; there are begin, the end")]
    [InlineData("--interval", "9", "no interval 9; there are 1 to 1")]
    [InlineData("--process", "p9.9", "no process image p9.9; there are p100.0")]
    public void A_part_that_is_not_there_is_a_mistake_of_the_command_line_and_those_that_are_there_are_named(string option, string value, string expected)
    {
        WriteMarked("p100.0");
        foreach (string command in new[] { "info", "dump", "replay" })
        {
            ProgramResult result = Programs.AllocReplay(command, option, value, _directory["r.allocrec"]);
            Assert.Equal((2, ""), (result.ExitCode, result.Output));
            Assert.Contains(expected, result.Error, StringComparison.Ordinal);
        }
    }

    private ProgramResult Run(string command, params string[] options)
    {
        string[] more = command == "analyze" ? ["--force", "-o", _directory["dataset"]] : [];
        ProgramResult result = Programs.AllocReplay([command, .. options, .. more, _directory["r.allocrec"]]);
        Assert.True(result.ExitCode == 0, result.Error);
        return result;
    }

    private void WriteMarked(string image, int more = 0)
    {
        var writer = new RecordingWriter(_directory["r.allocrec"], image);
        writer.Thread(0).Malloc(800, 0x1000, 8).Malloc(2400, 0x2000, 8).Free(4000, 0x1000);
        for (int i = 0; i < more; i++)
            writer.Thread(0).Malloc(4800 + 800 * i, 0x3000 + 64 * (ulong)i, 8);
        writer.Mark(MarkEntry.Start, 1, 0).Mark(MarkEntry.Named, 1, 1600, "begin").Mark(MarkEntry.Named, 1, 3200, "the end");
        writer.Save();
    }
}
