using System.Text.Json;
using System.Text.RegularExpressions;
using AllocReplay.Formats;
using AllocReplay.Formats.Statistics;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Endtoend;

/// <summary>
/// The files of <c>docs/guide/deploy</c>, run as far as a shell can: their commands, with the paths of an installation replaced by those of a directory, each
/// give a recording of the command behind them.
/// </summary>
[StartsProcesses]
public sealed partial class DeploymentTests : IDisposable
{
    private const string Folder = "docs/guide/deploy";

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void The_command_of_the_drop_in_records_the_unit_s_command()
    {
        string text = SourceTree.Read($"{Folder}/systemd/allocreplay.conf").Replace("\\\n", "", StringComparison.Ordinal);
        string[] commands = [.. ExecStart().Matches(text).Select(m => m.Groups[1].Value)];
        Assert.Equal(["", commands[^1]], commands); // the unit's own is taken away first
        // As systemd reads it: two dollar or percent signs are one. What is left is quoted as a shell quotes.
        AssertRecords(commands[^1].Replace("$$", "$", StringComparison.Ordinal).Replace("%%", "%", StringComparison.Ordinal));
    }

    [Fact]
    public void The_drop_in_is_one_for_systemd()
    {
        Programs.Need("systemd-analyze");
        string unit = _directory["shop.service"], dropIn = _directory["shop.service.d/allocreplay.conf"];
        File.WriteAllText(unit, "[Service]\nType=notify\nExecStart=/bin/true\n");
        Directory.CreateDirectory(Path.GetDirectoryName(dropIn)!);
        string text = SourceTree.Read($"{Folder}/systemd/allocreplay.conf");
        File.WriteAllText(dropIn, text);
        ProgramResult sound = Programs.Run("systemd-analyze", ["verify", "--man=no", unit]);
        File.WriteAllText(dropIn, text.Replace("KillMode=mixed", "KillMode=mixt", StringComparison.Ordinal)); // the control
        ProgramResult wrong = Programs.Run("systemd-analyze", ["verify", "--man=no", unit]);
        Assert.DoesNotContain("allocreplay.conf", sound.Error, StringComparison.Ordinal);
        Assert.Contains("allocreplay.conf", wrong.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_entry_point_of_the_image_records_its_command()
    {
        string text = SourceTree.Read($"{Folder}/docker/Dockerfile");
        AssertRecords(Shell(Words(EntryPoint().Match(text).Groups[1].Value).Concat(Words(Cmd().Match(text).Groups[1].Value))));
    }

    [Fact]
    public void The_command_of_the_pod_s_service_records_it_with_what_the_first_container_has_laid_down()
    {
        string[][] commands = [.. PodCommand().Matches(SourceTree.Read($"{Folder}/kubernetes/pod.yaml")).Select(m => Words(m.Groups[1].Value))];
        Assert.Equal(3, commands.Length);
        Directory.CreateDirectory(_directory["opt/allocreplay"]);
        File.WriteAllText(_directory["opt/allocreplay/allocreplay"], $"#!/bin/sh\nexec {Programs.AllocReplayCommand} \"$@\"\n");
        File.SetUnixFileMode(_directory["opt/allocreplay/allocreplay"], (UnixFileMode)0b111_101_101);
        Directory.CreateDirectory(_directory["recorder"]);
        Assert.Equal(0, Programs.Run("sh", ["-c", Place(Shell(commands[0]))]).ExitCode);
        AssertRecords(Shell(commands[1]).Replace("/recorder/", $"{_directory["recorder"]}/", StringComparison.Ordinal));
    }

    [Fact]
    public void The_hook_by_hand_records_a_command()
    {
        string recording = _directory["by-hand"];
        ProgramResult result = ByHand();
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(recording));
        AssertWhole(recording, withStacks: false);
        using (TraceReader reader = TraceReader.Open(recording))
            Assert.True(reader.Process.Latency); // variables are options
        // Nothing is replaced, and the command is not run then.
        result = ByHand();
        Assert.Equal((125, ""), (result.ExitCode, result.Output));

        // The loader would take a part of the path for a library's, and the command would run unrecorded.
        string blank = _directory["a b.so"];
        File.Copy(HookBuild.Default, blank);
        result = ByHand(blank);
        Assert.Equal((2, ""), (result.ExitCode, result.Output));
        Assert.Contains("a blank or a colon", result.Error, StringComparison.Ordinal);

        ProgramResult ByHand(string? hook = null) => Programs.Run(Path.Combine(SourceTree.Root, Folder, "preload.sh"), [recording, Service], start =>
        {
            start.Environment["ALLOCREPLAY_HOOK"] = hook ?? HookBuild.Default;
            start.Environment["ALLOCREPLAY_LATENCY"] = "1";
        });
    }

    private static string Service => Targets.Build("fork.c");

    private void AssertRecords(string command)
    {
        Directory.CreateDirectory(_directory["recordings"]);
        ProgramResult result = Programs.Run("sh", ["-c", Place(command)],
            start => start.Environment["STATE_DIRECTORY"] = $"{_directory["of-the-service"]}:{_directory["recordings"]}");
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        AssertWhole(Assert.Single(Directory.GetDirectories(_directory["recordings"])), withStacks: true);
    }

    private static void AssertWhole(string recording, bool withStacks)
    {
        using TraceReader reader = TraceReader.Open(recording);
        Assert.Equal((0ul, null, withStacks), (reader.Process.LostEvents, reader.Damage, reader.Process.Stacks));
        Assert.True(TraceStatistics.Of(reader).Acquisitions > 0);
    }

    /// <summary>The paths of an installation, of recordings and of the service, as they are here.</summary>
    private string Place(string command) => command.Replace("/opt/allocreplay/allocreplay", Programs.AllocReplayCommand, StringComparison.Ordinal)
        .Replace("/opt/allocreplay/", $"{_directory["opt/allocreplay"]}/", StringComparison.Ordinal)
        .Replace(" /recorder/'", $" {_directory["recorder"]}/'", StringComparison.Ordinal)
        .Replace("/recordings/", $"{_directory["recordings"]}/", StringComparison.Ordinal).Replace("/usr/bin/shop-server", Service, StringComparison.Ordinal);

    private static string[] Words(string array) => JsonSerializer.Deserialize<string[]>(array)!;

    private static string Shell(IEnumerable<string> words) => string.Join(' ', words.Select(w => $"'{w}'"));

    [GeneratedRegex("^ExecStart=(.*)$", RegexOptions.Multiline)]
    private static partial Regex ExecStart();

    [GeneratedRegex("^ENTRYPOINT (.*)$", RegexOptions.Multiline)]
    private static partial Regex EntryPoint();

    [GeneratedRegex("^CMD (.*)$", RegexOptions.Multiline)]
    private static partial Regex Cmd();

    [GeneratedRegex(@"^ +command: (\[.*\])$", RegexOptions.Multiline)]
    private static partial Regex PodCommand();
}
