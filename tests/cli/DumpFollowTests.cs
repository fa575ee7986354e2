using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using AllocReplay.Cli;
using AllocReplay.Cli.Output;
using AllocReplay.Recorder;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary><c>dump --follow</c>: what a program has done is printed while it runs, all of it, each call once, and it ends when the program does.</summary>
[StartsProcesses]
public sealed class DumpFollowTests : IDisposable
{
    private const int Kill = 9, Stop = 19, Continue = 18;

    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _runner = new();

    public void Dispose()
    {
        _runner.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Every_call_of_two_busy_threads_is_printed_once_and_in_the_order_of_its_thread()
    {
        using SteppedProgram program = SteppedProgram.Counted(_directory["r.allocrec"]);
        using var dump = new Followed(program.Recording, "--json");
        long calls = 0;
        for (int i = 0; i < 3; i++)
            calls = long.Parse(program.Do("100000"), CultureInfo.InvariantCulture);
        Assert.Equal(0, program.Finish());
        IReadOnlyList<JsonElement> events = [.. dump.Rest().Select(Parse)];

        Assert.Equal(0, dump.Finish());
        JsonElement[] own = [.. events.Where(e => e.GetProperty("thread").GetInt32() > 0 && e.TryGetProperty("address", out _))];
        Assert.Equal(calls, own.Length);
        foreach (IGrouping<int, JsonElement> thread in own.GroupBy(e => e.GetProperty("thread").GetInt32()))
            Assert.Equal(Enumerable.Range(0, 300_000).Select(n => 1L + n % 60000),
                thread.Where(e => e.GetProperty("call").GetString() == "malloc").Select(e => e.GetProperty("size").GetInt64()));
        var live = new HashSet<long>();
        foreach (JsonElement e in own) // an address is handed out when it is free, and freed when it was handed out, by whichever thread
            Assert.True(e.GetProperty("call").GetString() == "malloc"
                ? live.Add(e.GetProperty("address").GetInt64()) : live.Remove(e.GetProperty("address").GetInt64()), e.ToString());
        Assert.Equal($"{Path.GetFileName(Targets.Build("counted.c", "-g"))} (p{program.Pid}.0) has ended: {Quantity.Count(events.Count)} events shown",
            dump.Errors[^1]);
    }

    [Fact]
    public void It_prints_what_dump_prints_of_the_recording_when_it_has_ended()
    {
        using var program = new SteppedProgram(_directory["r.allocrec"], "--stacks", "auto", "--latency");
        using var dump = new Followed($"{program.Pid}");
        program.Do("m 500 20000");
        dump.Await(lines => lines.Count > 500);
        program.Do("t 20 30000");
        program.Do("f 300 0");
        Assert.Equal(0, program.Finish());
        string[] followed = [.. dump.Rest()];

        Assert.Equal(0, dump.Finish());
        Assert.Equal(ExitCode.Ok, _runner.Run("dump", program.Recording));
        string[] all = _runner.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        // Times are told by a clock that is known the better the longer it runs.
        Assert.Equal(all.Select(WithoutTimes), followed.Select(WithoutTimes));
        Assert.Contains(followed, l => l.Contains(": keep (steps.c:", StringComparison.Ordinal) && l.Contains(" < main (steps.c:", StringComparison.Ordinal));
    }

    [Fact]
    public void A_program_that_is_paused_is_shown_up_to_its_last_call()
    {
        using var program = new SteppedProgram(_directory["r.allocrec"]);
        using var dump = new Followed(program.Image);
        program.Do("m 10 20000");
        Signals.Send(program.Pid, Stop);
        dump.Await(lines => lines.Count(l => l.Contains(" malloc ", StringComparison.Ordinal)) == 10);
        Signals.Send(program.Pid, Continue);
        program.Do("m 1 30000");
        Assert.Equal(0, program.Finish());

        Assert.Single(dump.Rest(), l => l.Contains(" 30000", StringComparison.Ordinal));
        Assert.Equal(0, dump.Finish());
    }

    [Fact]
    public void A_program_that_is_killed_is_shown_to_its_last_call()
    {
        using var program = new SteppedProgram(_directory["r.allocrec"]);
        using var dump = new Followed(program.Recording);
        program.Do("m 1000 20000");
        dump.Await(lines => lines.Count > 1000);
        program.Do("m 3 30000");
        program.Kill();

        Assert.Equal(3, dump.Rest().Count(l => l.Contains(" 30000", StringComparison.Ordinal)));
        Assert.Equal(0, dump.Finish());
    }

    [Fact]
    public void The_process_that_writes_the_recording_may_be_killed_meanwhile()
    {
        using SteppedProgram program = SteppedProgram.Counted(_directory["r.allocrec"]);
        using var dump = new Followed(program.Recording);
        program.Do("1000");
        for (int i = 0; i < 3; i++)
        {
            Signals.Send(StatusCommandTests.DrainOf(program.Recording), Kill);
            program.Do("20000");
        }
        long calls = long.Parse(program.Do("1000"), CultureInfo.InvariantCulture);
        Assert.Equal(0, program.Finish());

        Assert.Equal(calls, dump.Rest().Count(l => (l.Contains(" malloc ", StringComparison.Ordinal) || l.Contains(" free ", StringComparison.Ordinal))
            && ThreadOf(l) > 0));
        Assert.Equal(0, dump.Finish());
        Assert.DoesNotContain(dump.Errors, e => e.StartsWith("allocreplay:", StringComparison.Ordinal));
    }

    [Fact]
    public void Whoever_closes_the_pipe_ends_it_though_the_program_does_nothing()
    {
        using var program = new SteppedProgram(_directory["r.allocrec"]);
        program.Do("m 2 20000");
        ProgramResult result = Programs.Run("/bin/sh",
            ["-c", $"{{ '{Programs.AllocReplayCommand}' dump --follow '{program.Recording}' 2>/dev/null; echo $? >&2; }} | head -n 3"]);

        Assert.Equal(3, result.Output.Count(c => c == '\n'));
        Assert.Equal($"{ExitCode.OutputClosed}\n", result.Error);
        program.Do("m 2 20000");
        Assert.Equal(0, program.Finish());
    }

    [Fact]
    public void Ctrl_c_ends_it_and_the_program_goes_on()
    {
        using var program = new SteppedProgram(_directory["r.allocrec"]);
        using var dump = new Followed(program.Recording);
        program.Do("m 20 20000");
        dump.Await(lines => lines.Count(l => l.Contains(" malloc ", StringComparison.Ordinal)) == 20);
        dump.Signal(Signals.Interrupt);
        _ = dump.Rest();

        Assert.Equal(ExitCode.Interrupted, dump.Finish());
        Assert.Equal("allocreplay: interrupted; 21 events shown", dump.Errors[^1]); // with the start of the thread
        program.Do("m 20 20000");
        Assert.Equal(0, program.Finish());
    }

    [Fact]
    public void It_takes_a_part_that_is_bounded_by_what_is_yet_to_come()
    {
        using var program = new SteppedProgram(_directory["r.allocrec"]);
        using var marked = new Followed(program.Recording, "--from-mark", "a", "--to-mark", "b");
        using var second = new Followed(program.Recording, "--interval", "2");
        using var few = new Followed(program.Recording, "--limit", "3");
        using var thread = new Followed(program.Recording, "--thread", "1");
        program.Do("m 5 20000");
        using (ControlledProcess control = ControlledProcess.Open(program.Image))
        {
            control.Mark("a");
            program.Do("m 6 30000");
            control.Stop();
            program.Do("m 7 40000"); // nobody sees these
            control.Start();
            program.Do("m 8 50000");
            control.Mark("b");
            control.Stop();
            control.Start();
        }
        program.Do("t 1 60000");

        // All but the last end while the program runs.
        Assert.Equal(Mallocs((6, 30000), (8, 50000)), Sizes(marked.Rest()));
        Assert.Equal(Mallocs((8, 50000)), Sizes(second.Rest()));
        Assert.Equal(4, few.Rest().Count); // with the header
        Assert.Equal((0, 0, 0), (marked.Finish(), second.Finish(), few.Finish()));
        Assert.Matches(@" is recorded on: 14 events shown$", marked.Errors[^1]);
        Assert.Equal(0, program.Finish());
        Assert.Equal(Mallocs((4, 60000)), Sizes(thread.Rest()));
        Assert.Equal(0, thread.Finish());
    }

    [Fact]
    public void A_mark_that_never_comes_is_told_when_the_program_has_ended()
    {
        using var program = new SteppedProgram(_directory["r.allocrec"]);
        using var dump = new Followed(program.Recording, "--from-mark", "never");
        program.Do("m 5 20000");
        Assert.Equal(0, program.Finish());
        Assert.Equal([EventText.Header], dump.Rest());
        Assert.Equal(ExitCode.Usage, dump.Finish());
        Assert.EndsWith("no mark never; there are none", dump.Errors[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void Of_a_recording_that_has_ended_it_prints_all()
    {
        SampleTrace.Write(_directory["svc.allocrec"]);
        Assert.Equal(ExitCode.Ok, _runner.Run("dump", _directory["svc.allocrec"]));
        string all = _runner.Output;
        Assert.Equal(ExitCode.Ok, _runner.Run("dump", "-f", _directory["svc.allocrec"]));
        Assert.Equal(all.Split('\n').Select(WithoutTimes), _runner.Output.Split('\n').Select(WithoutTimes));
        Assert.Contains(" has ended: ", _runner.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Damage_is_told_as_dump_tells_it()
    {
        SampleTrace.Write(_directory["svc.allocrec"]);
        string events = Path.Combine(_directory["svc.allocrec"], RecordingWriter.ImageName, "events");
        File.WriteAllBytes(events, [.. File.ReadAllBytes(events), .. "no chunk, and long enough to be one: sixty-four bytes and then some more"u8]);

        Assert.Equal(ExitCode.BadInput, _runner.Run("dump", "--follow", _directory["svc.allocrec"]));
        Assert.Contains("allocreplay: ", _runner.Error.Split('\n')[^2], StringComparison.Ordinal);
        Assert.Equal(ExitCode.Ok, _runner.Run("dump", "--follow", "--partial", _directory["svc.allocrec"]));
        Assert.Contains("allocreplay: warning: ", _runner.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_followed_is_told_in_one_line()
    {
        SampleTrace.Write(_directory["svc.allocrec"]);
        string packed = _directory["svc.alloctrace"];
        Assert.Equal(ExitCode.Ok, _runner.Run("pack", _directory["svc.allocrec"], "-o", packed));
        AssertFails(ExitCode.Usage, $"{packed}: is a packed trace, and complete; allocreplay dump {packed} shows it", packed);
        AssertFails(ExitCode.NotPossible, "pid 4194305: no such process", "4194305"); // more than the kernel gives
        AssertFails(ExitCode.Usage, "--thread: expected 0 or more", _directory["svc.allocrec"], "--thread", "-1");
        AssertFails(ExitCode.Usage, "--limit: expected 0 or more", _directory["svc.allocrec"], "--limit", "-1");
    }

    private static JsonElement Parse(string line)
    {
        using JsonDocument json = JsonDocument.Parse(line);
        return json.RootElement.Clone();
    }

    private static int ThreadOf(string line) => int.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);

    private static string WithoutTimes(string line) =>
        System.Text.RegularExpressions.Regex.Replace(line, @"^ *\d+ | +took \d+ ns", "");

    private static IEnumerable<int> Mallocs(params (int Count, int Size)[] blocks) => blocks.SelectMany(b => Enumerable.Repeat(b.Size, b.Count));

    private static IEnumerable<int> Sizes(IEnumerable<string> lines) => lines.Where(l => l.Contains(" malloc ", StringComparison.Ordinal))
        .Select(l => int.Parse(l.Split(' ', StringSplitOptions.RemoveEmptyEntries)[5], CultureInfo.InvariantCulture));

    private void AssertFails(int code, string message, params string[] arguments)
    {
        Assert.Equal(code, _runner.Run(["dump", "--follow", .. arguments]));
        Assert.Equal(("", $"allocreplay: {message}\n"), (_runner.Output, _runner.Error));
    }

    /// <summary>The command, which prints while the test goes on: when it is here, it has begun to follow.</summary>
    private sealed class Followed : IDisposable
    {
        private readonly Process _process;
        private readonly List<string> _lines = [];

        public Followed(string target, params string[] options)
        {
            _process = Process.Start(new ProcessStartInfo(Programs.AllocReplayCommand, ["dump", "--follow", target, "--no-symbol-cache", .. options])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            string? first = _process.StandardError.ReadLine();
            Assert.StartsWith("Following ", first, StringComparison.Ordinal);
        }

        /// <summary>What it said, once it has ended.</summary>
        public IReadOnlyList<string> Errors { get; private set; } = [];

        /// <summary>Reads lines until they are those.</summary>
        public void Await(Func<List<string>, bool> areThere)
        {
            while (!areThere(_lines))
                _lines.Add(_process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"it ended: {_process.StandardError.ReadToEnd()}"));
        }

        /// <summary>All lines, when it has ended.</summary>
        public List<string> Rest()
        {
            while (_process.StandardOutput.ReadLine() is { } line)
                _lines.Add(line);
            return _lines;
        }

        public void Signal(int signal) => Signals.Send(_process.Id, signal);

        public int Finish()
        {
            Errors = _process.StandardError.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
            _process.WaitForExit();
            return _process.ExitCode;
        }

        public void Dispose()
        {
            if (!_process.HasExited)
                _process.Kill();
            _process.Dispose();
        }
    }
}
