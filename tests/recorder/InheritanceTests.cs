using AllocReplay.Recorder;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>A recorded program is in the state in which it would be without the recorder.</summary>
[StartsProcesses]
public sealed class InheritanceTests : IDisposable
{
    /// <summary>What cannot be made different here: a terminal, other users, the kernel's filters, the processors.</summary>
    private static readonly string[] Unchanged = ["terminal", "Uid", "Gid", "Groups", "Seccomp", "Cpus_allowed_list", "SigCgt"];

    private static readonly string[] Changed =
    [
        "descriptors", "SigBlk", "SigIgn", "NoNewPrivs", "limit of cpu", "limit of fsize", "limit of stack", "limit of nofile", "limit of as", "arguments",
        "variables", "directory", "umask", "session", "group", "niceness", "personality", "signal at the parent's death", "alarm",
        "virtual alarm", "profiling alarm", "timer slack", "badness", "core dumps hold",
    ];

    private readonly TemporaryDirectory _directory = new();

    private static string Program => Targets.Build("inherited.c");

    private string[] Record => RecordBy(Programs.AllocReplayCommand);

    private string[] RecordBy(string command) => [command, "record", "-q", "--force", "-o", _directory["r.allocrec"], "--"];

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Nothing_that_a_program_inherits_is_changed()
    {
        Dictionary<string, string> plain = Properties(), recorded = Properties(Record);

        Assert.Superset(Changed.Concat(Unchanged).ToHashSet(), plain.Keys.ToHashSet());
        foreach ((string name, string value) in plain)
            Assert.Equal((name, value), (name, recorded.GetValueOrDefault(name)));
    }

    [Fact]
    public void Nor_does_the_native_recorder_change_it()
    {
        string recorder = _directory[Distribution.Unpack(_directory.Path)];
        Dictionary<string, string> plain = Properties(), recorded = Properties(RecordBy(Path.Combine(recorder, "allocreplay")));

        foreach ((string name, string value) in plain)
            Assert.Equal((name, value), (name, recorded.GetValueOrDefault(name)));
    }

    [Fact] // the control
    public void Whatever_a_launcher_changed_would_be_seen()
    {
        Dictionary<string, string> plain = Properties(), changed = Properties(Program, "change");

        Assert.All(Changed, name => Assert.NotEqual((name, plain[name]), (name, changed[name])));
    }

    [Fact]
    public void A_broken_pipe_ends_a_recorded_program()
    {
        Programs.Need("env", "bash", "yes", "head");
        // The runtime of the tests ignores the signal, and so would its children.
        ProgramResult result = Programs.Run("env", ["--default-signal=PIPE", .. Record, "bash", "-c", "yes | head -1 > /dev/null; echo ${PIPESTATUS[0]}"]);
        Assert.Equal(("141\n", ""), (result.Output, result.Error));
    }

    [Theory]
    [InlineData("with a space")]
    [InlineData("with:colon")]
    [InlineData("with 'quotes' and $dollar")]
    [InlineData("a=b")]
    public void A_command_may_have_any_name(string name)
    {
        File.Copy(Targets.Build("fork.c"), _directory[name]);
        Assert.Equal(0, Programs.Run(Record[0], [.. Record[1..], _directory[name]]).ExitCode);
        Assert.Equal(2, Directory.GetDirectories(_directory["r.allocrec"]).Length);
    }

    [Theory]
    [InlineData("with a space")]
    [InlineData("with:colon")]
    [InlineData("with $ORIGIN")]
    [InlineData("with 'quote")]
    public void The_hook_may_lie_anywhere(string name)
    {
        string hook = Path.Combine(Directory.CreateDirectory(_directory[name]).FullName, "liballocreplay.so");
        File.Copy(HookBuild.Default, hook);
        var options = new RecordOptions { Command = [Targets.Build("fork.c")], Output = _directory["r.allocrec"], HookPath = hook };
        Assert.Equal(0, RecordedCommand.Run(options).ExitCode);
        Assert.Equal(2, Directory.GetDirectories(_directory["r.allocrec"]).Length);
    }

    [Fact]
    public void A_file_without_a_header_is_a_script_of_the_shell()
    {
        string script = _directory["script"];
        File.WriteAllText(script, "echo \"$0\" \"$@\"\n");
        File.SetUnixFileMode(script, (UnixFileMode)0b111_101_101);
        Assert.Equal($"{script} a -- b\n", Programs.Run(Record[0], [.. Record[1..], script, "a", "--", "b"]).Output);
    }

    /// <summary>What the program prints of itself in its unusual state, run by a command that becomes it.</summary>
    private static Dictionary<string, string> Properties(params string[] through)
    {
        ProgramResult result = Programs.Run(Program, ["set", .. through, Program, "print", "argument"]);
        Assert.True((result.ExitCode, result.Error) == (0, ""), result.Error);
        return result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).ToDictionary(l => l[..l.LastIndexOf(':')], l => l[(l.LastIndexOf(':') + 1)..]);
    }
}
