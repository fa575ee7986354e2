using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using AllocReplay.Cli;
using AllocReplay.Cli.Commands;
using AllocReplay.Cli.Pages;
using AllocReplay.Recorder;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary>The native recorder has some of the command's commands, and they are the same.</summary>
public sealed class NativeRecorderTests : IDisposable
{
    private readonly CommandRunner _runner = new();

    public void Dispose() => _runner.Dispose();

    [Fact]
    public void Its_help_is_as_it_was() => GoldenText.Check("tests/golden/recorder-help.txt", HelpOf(CommandLine.CreateRecorder(_runner.Terminal)));

    [Fact]
    public void Each_of_its_commands_is_one_of_all_in_their_order_with_the_same_help()
    {
        RootCommand all = CommandLine.Create(_runner.Terminal), some = CommandLine.CreateRecorder(_runner.Terminal);
        string[] names = [.. some.Subcommands.Select(c => c.Name)];

        Assert.Equal(all.Subcommands.Select(c => c.Name).Where(names.Contains), names);
        Assert.All(some.Subcommands, c => Assert.Equal(HelpOf(all.Subcommands.Single(a => a.Name == c.Name)), HelpOf(c)));
    }

    [Fact]
    public void A_command_that_it_has_not_is_said_to_be_missing()
    {
        Assert.Equal(ExitCode.Usage, CommandLine.Run(["replay", "x"], _runner.Terminal, CommandLine.CreateRecorder));
        Assert.StartsWith("allocreplay: replay: no such command", _runner.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void What_comes_next_may_be_for_the_tool_that_has_all_commands()
    {
        CommandLine.Run(["--version"], _runner.Terminal, CommandLine.CreateRecorder);
        _runner.Terminal.Next("allocreplay info x");
        _runner.Terminal.Next("allocreplay compare x");

        Assert.Equal("Next: allocreplay info x\nNext, where all of allocreplay is: allocreplay compare x\n", _runner.Error);
    }

    /// <summary>Without reflection an enumeration that is not named would be printed as a number, and an object that is not named not at all.</summary>
    [Fact]
    public void All_that_it_prints_as_JSON_is_known_beforehand()
    {
        JsonSerializerOptions options = JsonTypes.Create(isReflective: false);
        var seen = new HashSet<Type>();
        foreach (Type type in new[] { typeof(DoctorReport), typeof(InfoReport), typeof(TopReport), typeof(RecordingStatus), typeof(PackSummary) })
            Visit(type);

        Assert.True(seen.Count > 20);
        Assert.True(seen.Count(t => t.IsEnum) > 5);
        Assert.All(seen.Where(t => t.IsEnum), t => Assert.NotEqual(JsonValueKind.Number, Kind(Enum.GetValues(t).GetValue(0)!, t)));
        Assert.Equal(JsonValueKind.Number, JsonSerializer.SerializeToElement(DateTimeKind.Utc).ValueKind); // the control

        void Visit(Type type)
        {
            if (!seen.Add(type))
                return;
            JsonTypeInfo info = options.GetTypeInfo(type);
            if (info.ElementType is { } element)
                Visit(element);
            foreach (JsonPropertyInfo property in info.Properties)
                Visit(Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType);
        }

        JsonValueKind Kind(object value, Type type) => JsonSerializer.SerializeToElement(value, options.GetTypeInfo(type)).ValueKind;
    }

    [Fact]
    public void The_version_says_commit_and_build()
    {
        Assert.Equal(ExitCode.Ok, _runner.Run("--version"));

        string[] lines = _runner.Output.TrimEnd().Split('\n');
        Assert.Equal(3, lines.Length);
        Assert.Matches(@"^allocreplay \d+\.\d+\.\d+$", lines[0]);
        Assert.Matches("^commit ([0-9a-f]{40}|not known)$", lines[1]);
        Assert.Matches(@"^built as (Release|Debug) for linux-\w+, \.NET \d+", lines[2]);
    }

    private static string HelpOf(Command command)
    {
        using var help = new StringWriter();
        command.Parse("--help").Invoke(new InvocationConfiguration { Output = help });
        return help.ToString().Replace(RootCommand.ExecutableName, "allocreplay", StringComparison.Ordinal);
    }
}
