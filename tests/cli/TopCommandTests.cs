using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using AllocReplay.Cli;
using AllocReplay.Recorder;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary><c>allocreplay top</c>: what it prints of recordings that have ended and of one that goes on, its keys, and how it ends.</summary>
[StartsProcesses]
public sealed class TopCommandTests : IDisposable
{
    private const string Enter = "\e[?1049h", Leave = "\e[?1049l", ShowCursor = "\e[?25h";

    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _runner = new();

    public void Dispose()
    {
        _runner.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Of_a_recording_that_has_ended_it_tells_the_last_moment_and_what_to_do_next()
    {
        SampleStacks.Write(_directory["svc.allocrec"]);

        Assert.Equal(ExitCode.Ok, _runner.Run("top", _directory["svc.allocrec"], "--no-symbol-cache"));
        Assert.Matches(@"^\S+, pid \d+, p100\.0   ended after .+\n- events/s   - allocations/s   -/s\nlive .+ in \d+ blocks?   peak .+\n", _runner.Output);
        Assert.Contains("growth/min   allocs/s   blocks   function", _runner.Output, StringComparison.Ordinal);
        Assert.Contains("calls/s   blocks   thread", _runner.Output, StringComparison.Ordinal);
        Assert.All(_runner.Output.Split('\n'), line => Assert.True(line.Length <= 100, line));
        Assert.Matches($@"^\S+ \(p100\.0\) has ended: \d+ allocations, .+\nNext: allocreplay report {_directory["svc.allocrec"]}\n$", _runner.Error);
    }

    [Fact]
    public void Figures_are_those_of_info()
    {
        SampleTrace.Write(_directory["svc.allocrec"]);
        Assert.Equal(ExitCode.Ok, _runner.Run("info", _directory["svc.allocrec"], "--json"));
        using JsonDocument info = JsonDocument.Parse(_runner.Output);
        Assert.Equal(ExitCode.Ok, _runner.Run("top", _directory["svc.allocrec"], "--json"));
        using JsonDocument top = JsonDocument.Parse(_runner.Output);

        Assert.Equal(1, _runner.Output.Count(c => c == '\n'));
        Assert.Equal("ended", top.RootElement.GetProperty("state").GetString());
        string[][] alike = [["live_bytes", "live_bytes"], ["live_blocks", "live_blocks"], ["peak_bytes", "peak_live_bytes"], ["events", "events"]];
        foreach (string[] pair in alike)
            Assert.Equal(info.RootElement.GetProperty(pair[1]).GetInt64(), top.RootElement.GetProperty(pair[0]).GetInt64());
    }

    [Fact]
    public void What_cannot_be_watched_is_told_in_one_line()
    {
        SampleTrace.Write(_directory["svc.allocrec"]);
        Assert.Equal(ExitCode.Ok, _runner.Run("pack", _directory["svc.allocrec"], "-o", _directory["svc.alloctrace"]));
        Directory.CreateDirectory(_directory["empty"]);
        string packed = _directory["svc.alloctrace"];
        AssertFails(ExitCode.Usage, $"{packed}: is a packed trace, and complete; allocreplay report {packed} shows it", packed);
        AssertFails(ExitCode.NotPossible, "pid 4194305: no such process", "4194305"); // more than the kernel gives
        // Not of this process: it may have the shared memory of a recording that another test makes.
        using (Process idle = Process.Start(new ProcessStartInfo("cat") { RedirectStandardInput = true })!)
        {
            AssertFails(ExitCode.NotPossible, $"pid {idle.Id}: is neither a process that 'allocreplay record' started nor one that records", $"{idle.Id}");
            idle.StandardInput.Close();
            idle.WaitForExit();
        }
        // It ends with its input: with this process, however that ends.
        var waitsForNone = new ProcessStartInfo("sh", ["-c", "true & echo $!; exec cat"]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        using (Process parent = Process.Start(waitsForNone)!)
        {
            string child = parent.StandardOutput.ReadLine()!;
            Assert.True(SpinWait.SpinUntil(() => RunningThreads.HasEnded(int.Parse(child, CultureInfo.InvariantCulture)), TimeSpan.FromMinutes(1)));
            AssertFails(ExitCode.NotPossible, $"pid {child}: has ended, and its parent has not waited for it", child);
            parent.StandardInput.Close();
            parent.WaitForExit();
        }
        AssertFails(ExitCode.NotPossible, $"{_directory["none"]}: neither a process id nor a recording directory", _directory["none"]);
        AssertFails(ExitCode.NotPossible, $"{_directory["empty"]}: holds no process image (yet)", _directory["empty"]);
        AssertFails(ExitCode.Usage, $"{_directory["svc.allocrec"]}: no process image p7.0; there are p100.0", _directory["svc.allocrec"], "--process", "p7.0");
        AssertFails(ExitCode.Usage, "--count: expected 1 or more", _directory["svc.allocrec"], "--count", "0");
    }

    [Fact]
    public void A_damaged_recording_is_shown_as_far_as_it_goes_and_is_bad_input()
    {
        SampleTrace.Write(_directory["svc.allocrec"]);
        string events = Path.Combine(_directory["svc.allocrec"], RecordingWriter.ImageName, "events");
        File.WriteAllBytes(events, [.. File.ReadAllBytes(events), .. "no chunk, and long enough to be one: sixty-four bytes and then some more"u8]);

        Assert.Equal(ExitCode.BadInput, _runner.Run("top", _directory["svc.allocrec"]));
        Assert.Contains("\ndamaged: ", _runner.Output, StringComparison.Ordinal);
        Assert.Contains("expected a chunk (magic ARC1)", _runner.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_program_is_watched_by_its_process_id_until_it_ends()
    {
        using var program = new SteppedProgram(_directory["r.allocrec"], "--stacks", "auto");
        program.Do("m 500 20000");
        using Process top = Start([$"{program.Pid}", "--json", "--interval", "100ms", "--no-symbol-cache"]);
        JsonElement seen = Await(top, r => r.GetProperty("live_bytes").GetInt64() >= 500 * 20000
            && r.GetProperty("sites").EnumerateArray().Any(s => s.GetProperty("function").GetString() == "keep"));
        JsonElement keep = seen.GetProperty("sites").EnumerateArray().First();
        Assert.Equal(("keep", "steps.c", 500 * 20000, 500), (keep.GetProperty("function").GetString(), keep.GetProperty("file").GetString(),
            keep.GetProperty("live_bytes").GetInt64(), keep.GetProperty("live_blocks").GetInt64()));
        Assert.Equal("recording", seen.GetProperty("state").GetString());

        Run("control", program.Recording, "mark", "half");
        Run("control", program.Recording, "stop");
        Assert.Equal("half", Await(top, r => r.GetProperty("state").GetString() == "stopped").GetProperty("mark").GetString());
        Run("control", program.Recording, "start");
        program.Do("f 200 0");
        Await(top, r => r.GetProperty("sites").EnumerateArray().First().GetProperty("live_blocks").GetInt64() == 300);
        Assert.Equal(0, program.Finish());
        Await(top, r => r.GetProperty("state").GetString() == "ended");
        top.WaitForExit();
        Assert.Equal(0, top.ExitCode);
        Assert.Matches($@"^steps.*_-g \(p{program.Pid}\.0\) has ended: .+\nNext: allocreplay report {program.Recording}\n$", top.StandardError.ReadToEnd());
    }

    [Fact]
    public void It_prints_as_many_moments_as_were_asked_for_and_ends_while_the_program_goes_on()
    {
        using var program = new SteppedProgram(_directory["r.allocrec"]);
        program.Do("m 500 20000");
        ProgramResult result = Programs.AllocReplay("top", program.Recording, "--count", "2", "--interval", "100ms");

        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.Equal(2, result.Output.Split('\n').Count(l => l.Contains(" recorded since ", StringComparison.Ordinal)));
        Assert.DoesNotContain('\e', result.Output);
        Assert.Contains("growth/min   allocs/s   calls/s", result.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("function", result.Output, StringComparison.Ordinal); // without stacks there are no sites
    }

    [Fact]
    public void A_recording_that_is_removed_while_it_is_watched_is_bad_input()
    {
        using var program = new SteppedProgram(_directory["r.allocrec"]);
        program.Do("m 500 20000");
        using Process top = Start([program.Image, "--json", "--interval", "50ms"]);
        Await(top, r => r.GetProperty("live_blocks").GetInt64() > 0);
        Directory.Delete(program.Image, recursive: true);
        top.StandardOutput.ReadToEnd();
        top.WaitForExit();

        Assert.Equal(ExitCode.BadInput, top.ExitCode);
        Assert.Equal($"allocreplay: {program.Image}: was removed while it was recorded and watched\n", top.StandardError.ReadToEnd());
        program.Finish();
        Directory.Delete(program.Recording, recursive: true);
    }

    [Fact]
    public void Whoever_closes_the_pipe_ends_it()
    {
        using var program = new SteppedProgram(_directory["r.allocrec"]);
        program.Do("m 500 20000");
        ProgramResult result = Programs.Run("/bin/sh",
            ["-c", $"{{ '{Programs.AllocReplayCommand}' top '{program.Recording}' --interval 50ms; echo $? >&2; }} | head -n 1"]);

        Assert.Contains(" recorded since ", result.Output, StringComparison.Ordinal);
        Assert.Equal($"{ExitCode.OutputClosed}\n", result.Error);
    }

    [Theory]
    [InlineData("q", ExitCode.Ok)]
    [InlineData("\u0003", ExitCode.Interrupted)] // Ctrl-C
    public void On_a_terminal_it_fills_the_screen_obeys_keys_and_leaves_the_terminal_as_it_was(string end, int exitCode)
    {
        using var program = new SteppedProgram(_directory["r.allocrec"], "--stacks", "auto");
        program.Do("m 500 20000");
        string top = $"'{Programs.AllocReplayCommand}' top '{program.Recording}' --interval 100ms";
        using var terminal = new TerminalProcess(
            $"stty -g; {top}; code=$?; stty -g; exit $code", _directory["log"], environment: ("NO_COLOR", ""));
        terminal.Await("s sort: live");
        terminal.Press("s");
        terminal.Await("s sort: growth");
        terminal.Press("t");
        terminal.Await("t sites");
        terminal.Press("p");
        terminal.Await("go on (paused)");
        terminal.Press(end);

        Assert.Equal(exitCode, terminal.Finish());
        string all = terminal.Printed;
        Assert.InRange(all.IndexOf(Enter, StringComparison.Ordinal), 0, all.IndexOf(Leave, StringComparison.Ordinal));
        Assert.Contains(ShowCursor, all, StringComparison.Ordinal);
        string[] settings = [all.Split("\r\n")[0], all.TrimEnd().Split('\n')[^1].Trim()];
        Assert.Equal(settings[0], settings[1].Split(Leave)[^1]);
        string[] page = all[all.IndexOf(Enter, StringComparison.Ordinal)..all.IndexOf(Leave, StringComparison.Ordinal)].Split("\e[K");
        Assert.All(page, line => Assert.True(Plain(line).Length <= 80, line));
    }

    private static string Plain(string line) => System.Text.RegularExpressions.Regex.Replace(line, "\e\\[[?0-9]*[A-Za-z]", "").Trim('\r', '\n');

    private static Process Start(string[] arguments) => Process.Start(
        new ProcessStartInfo(Programs.AllocReplayCommand, ["top", .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true })!;

    private static JsonElement Await(Process top, Func<JsonElement, bool> isThere)
    {
        string last = "";
        while (top.StandardOutput.ReadLine() is { } line)
        {
            last = line;
            using JsonDocument json = JsonDocument.Parse(line);
            if (isThere(json.RootElement))
                return json.RootElement.Clone();
        }
        throw new InvalidOperationException($"it ended before: {last} {top.StandardError.ReadToEnd()}");
    }

    private static void Run(params string[] arguments)
    {
        ProgramResult result = Programs.AllocReplay(arguments);
        Assert.True(result.ExitCode == 0, result.Error);
    }

    private void AssertFails(int code, string message, params string[] arguments)
    {
        Assert.Equal(code, _runner.Run(["top", .. arguments]));
        Assert.Equal(("", $"allocreplay: {message}\n"), (_runner.Output, _runner.Error));
    }
}
