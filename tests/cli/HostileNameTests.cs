using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using AllocReplay.Cli;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Recording;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary>
/// What a recorded program, a path or a mark is called reaches the screen as text: it does not move the cursor, change colours, make lines of its
/// own, or trip over the markup of the library that draws tables.
/// </summary>
[StartsProcesses]
public sealed class HostileNameTests : IDisposable
{
    private const string Hostile = "[red]x[/]\n\e[2J\e]0;t\a\r\t\u009b31m\u202e";

    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _runner = new();
    private readonly string _trace, _dataset;

    public HostileNameTests()
    {
        _trace = _directory[$"{Hostile} trace.allocrec"];
        _dataset = _directory[$"{Hostile} data"];
        var writer = new RecordingWriter(_trace) { CommandLine = $"{Hostile}\0[/]\0\0" };
        writer.Thread(0).Event(0, CallKind.ThreadStart).Malloc(80, 0x1000, 16).Free(160, 0x1000).Malloc(240, 0x2000, 16);
        writer.Thread(1).Event(40, CallKind.ThreadStart).Malloc(90, 0x3000, 16).Event(400, CallKind.ThreadExit);
        writer.Mark(MarkEntry.Start, 1, 0).Mark(MarkEntry.Named, 1, 100, Hostile);
        writer.Save();
        new SessionInfo { Command = [Hostile], Host = Hostile, Kernel = Hostile, Recorder = Hostile, Pid = 100 }.Save(_trace);
        NameThread(writer);
    }

    public void Dispose()
    {
        _runner.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Every_command_that_prints_keeps_the_terminal_its_own()
    {
        string pack = _directory[$"{Hostile}.alloctrace"];
        Check(ExitCode.Ok, "info", _trace, "--threads", "--images");
        Check(ExitCode.Ok, "info", _trace, "--json");
        Check(ExitCode.Ok, "dump", _trace);
        Check(ExitCode.Ok, "pack", _trace, "-o", pack);
        Check(ExitCode.Ok, "pack", _trace, "-o", pack, "--force", "--json");
        Check(ExitCode.Ok, "info", pack);
        Check(ExitCode.Ok, "analyze", _trace, "-o", _dataset);
        Check(ExitCode.Ok, "analyze", _trace, "-o", _dataset, "--force", "--json");
        Check(ExitCode.Ok, "query", _dataset, "SELECT *, chr(27) || '[31m' || chr(10) || '[red]' AS \"[b]\n\" FROM process");
        Check(ExitCode.Ok, "query", _dataset, "SELECT name FROM threads", "--json");
        string rep = _directory[$"{Hostile}.rep"];
        File.WriteAllText(rep, "1\n1\n2\n1\na 0 8\nf 0\n");
        Check(ExitCode.Ok, "import", rep, "--from", "malloclab", "-o", _directory[$"{Hostile}2.alloctrace"]);
        Check(ExitCode.Ok, "allocators");
    }

    [Fact]
    public void A_replay_and_its_proof_keep_it_too()
    {
        string replay = _directory[$"{Hostile} replay.allocrec"];
        Check(ExitCode.Ok, "replay", _trace, "--record", replay);
        Check(ExitCode.Ok, "verify", _trace, replay);
        Check(ExitCode.Ok, "compare", _trace, "--allocator", "glibc,noop", "--runs", "3");
    }

    [Theory]
    [InlineData(ExitCode.BadInput, "info", "NAME")]
    [InlineData(ExitCode.BadInput, "dump", "NAME")]
    [InlineData(ExitCode.BadInput, "pack", "NAME")]
    [InlineData(ExitCode.BadInput, "analyze", "NAME")]
    [InlineData(ExitCode.BadInput, "replay", "NAME")]
    [InlineData(ExitCode.BadInput, "compare", "NAME")]
    [InlineData(ExitCode.BadInput, "verify", "NAME", "NAME")]
    [InlineData(ExitCode.BadInput, "query", "NAME", "SELECT 1")]
    [InlineData(ExitCode.Usage, "NAME")]
    [InlineData(ExitCode.Usage, "info", "x", "--NAME")]
    [InlineData(ExitCode.Usage, "info", "x", "NAME")]
    [InlineData(ExitCode.Usage, "dump", "x", "--limit", "NAME")]
    [InlineData(ExitCode.Usage, "import", "x", "--from", "NAME")]
    [InlineData(ExitCode.Usage, "replay", "x", "--pace", "NAME")]
    [InlineData(ExitCode.NotPossible, "control", "NAME", "status")]
    public void What_is_not_there_is_told_in_plain_text(int code, params string[] arguments)
    {
        Check(code, [.. arguments.Select(a => a.Replace("NAME", Hostile, StringComparison.Ordinal))]);
        Assert.NotEmpty(_runner.Error);
    }

    [Fact]
    [StartsProcesses]
    public void Names_that_are_not_UTF_8_are_shown_by_their_replacement()
    {
        ProgramResult result = Programs.Run("bash", ["-c", $"dotnet {Path.Combine(AppContext.BaseDirectory, "allocreplay.dll")} info $'\\xff\\xfe.allocrec'"]);

        Assert.Equal(ExitCode.BadInput, result.ExitCode);
        Assert.Matches("^allocreplay: \uFFFD+\\.allocrec: no such trace\n$", result.Error);
    }

    [Fact]
    public void The_check_notices_a_name_that_is_printed_as_it_is() // the control
    {
        Assert.NotNull(FirstControl($"a {Hostile}"));
        Assert.Null(FirstControl("two lines\nof text ⏎\n"));
        Assert.Null(FirstControl(TextLine.Plain(Hostile)));
    }

    [Fact]
    public void What_turns_the_direction_of_writing_is_escaped_in_JSON_and_is_there()
    {
        const string turning = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", text = $"a{turning}<é\"\U0001f600";
        string json = JsonSerializer.Serialize(text, Terminal.Json), nested = JsonText.Escape($"[\"{turning}é\"]");

        Assert.Equal(text, JsonSerializer.Deserialize<string>(json));
        Assert.Equal([turning + "é"], JsonSerializer.Deserialize<string[]>(nested)!);
        Assert.DoesNotContain(json + nested, turning.Contains);
        Assert.Contains("\\u2069<é", json, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("svc.allocrec", "svc.allocrec")]
    [InlineData("my trace", "'my trace'")]
    [InlineData("it's", @"'it'\''s'")]
    [InlineData("$HOME", "'$HOME'")]
    [InlineData("", "''")]
    [InlineData("a\nb'\\\e", @"$'a\nb\'\\\x1b'")]
    [StartsProcesses]
    public void What_is_to_be_typed_is_quoted_so_that_a_shell_reads_it_back(string argument, string quoted)
    {
        Assert.Equal(quoted, TextLine.Quote(argument));
        Assert.Equal(argument, Programs.Run("bash", ["-c", $"printf %s {quoted}"]).Output);
    }

    private void Check(int code, params string[] arguments)
    {
        int actual = _runner.Run(arguments);
        Assert.True(code == actual, $"{string.Join(' ', arguments.Select(TextLine.Quote))}: {actual}: {_runner.Error}");
        foreach (string text in new[] { _runner.Output, _runner.Error })
            Assert.True(FirstControl(text) is null, $"{arguments[0]}: {FirstControl(text)} in {TextLine.Quote(text)}");
    }

    /// <summary>The first character that is not to reach a terminal, in JSON neither: it is escaped there.</summary>
    private static string? FirstControl(string text) =>
        text.Where(c => (char.IsControl(c) && c != '\n') || c is '\u202e').Select(c => $"U+{(int)c:X4}").FirstOrDefault();

    private static void NameThread(RecordingWriter writer)
    {
        string tails = Path.Combine(writer.ImageDirectory, Wire.TailsFile);
        byte[] bytes = File.ReadAllBytes(tails);
        Encoding.UTF8.GetBytes("[b]\e[1m\nz").CopyTo(bytes.AsSpan((int)Marshal.OffsetOf<ChunkHeader>(nameof(ChunkHeader.Name))));
        File.WriteAllBytes(tails, bytes);
    }
}
