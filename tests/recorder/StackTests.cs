using System.Text.RegularExpressions;
using AllocReplay.Recorder;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>Walks of stacks: each is what another unwinder makes of it, and none reads what is not there.</summary>
[StartsProcesses]
public sealed partial class StackTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    private string Recording => _directory["r.allocrec"];

    /// <summary>Every walk beside one of libgcc's, at the same moment.</summary>
    [Theory]
    [InlineData("python3", "-c", "import json, re; [json.loads(json.dumps({str(i): [i] * 5})) for i in range(3000)]; re.sub('a+', 'b', 'aab' * 1000)")]
    [InlineData("cc", "-O2", "-c", "SOURCE", "-o", "/dev/null")]
    [InlineData("perl", "-e", "my %h; $h{$_} = [1 .. 5] for 1 .. 3000")]
    public void Walks_agree_with_libgcc(params string[] command)
    {
        Programs.Need(command[0]);
        string hook = HookBuild.With(_directory["oracle.so"], "-include", Path.Combine(Targets.SourceDirectory, "stack_oracle.h"));
        (long walks, long differences) = Compare(hook, command);
        Assert.True(walks > 100, $"{walks} walks");
        Assert.Equal(0, differences);
    }

    /// <summary>The control: walks that are taken for unchanged without a look at the words above are caught.</summary>
    [Fact]
    public void A_walk_that_trusts_the_last_one_is_caught()
    {
        Programs.Need("cc");
        string hook = HookBuild.With(
            _directory["oracle.so"], "-include", Path.Combine(Targets.SourceDirectory, "stack_oracle.h"), "-DAR_PLANTED_TRUST");
        (long walks, long differences) = Compare(hook, ["cc", "-O2", "-c", "SOURCE", "-o", "/dev/null"]);
        Assert.True(differences > 0, $"{walks} walks");
    }

    /// <summary>Frame information and stacks that make no sense: nothing is read that is not of them.</summary>
    [Fact]
    public void Hostile_frame_information_leads_nowhere()
    {
        ProgramResult result = Fuzz($"{Effort.OfLong(1_000_000, usual: 100_000)}", "7");
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.Matches(@"steps: plain \d{4}", result.Output);
    }

    /// <summary>The control: an object that is said to be longer than it is.</summary>
    [Fact]
    public void A_read_outside_of_the_object_is_reported() =>
        Assert.Contains("AddressSanitizer", Fuzz("100000", "7", "1000000000").Error, StringComparison.Ordinal);

    private static ProgramResult Fuzz(params string[] arguments)
    {
        string core = Path.Combine(SourceTree.Root, "recorder", "core"), library = File.ReadLines("/proc/self/maps")
            .Select(l => l[(l.LastIndexOf(' ') + 1)..]).First(p => p.EndsWith("/libc.so.6", StringComparison.Ordinal));
        string fuzz = Targets.Build("unwind_fuzz.c", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-D_GNU_SOURCE", "-I", core,
            "-I", Path.Combine(SourceTree.Root, "formats", "native"), Path.Combine(core, "unwind.c"));
        return Programs.Run(fuzz, [library, .. arguments]);
    }

    private (long Walks, long Differences) Compare(string hook, string[] command)
    {
        string source = _directory["hello.c"];
        File.WriteAllText(source, "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\nint main(void) { return puts(\"hello\") < 0; }\n");
        string told = _directory["told"];
        string[] words = [.. command.Select(w => w == "SOURCE" ? source : w)];
        RecordResult result = RecordedCommand.Run(new RecordOptions
        {
            Command = ["sh", "-c", $"exec \"$@\" >/dev/null 2>{told}", "sh", "env", "PYTHONMALLOC=malloc", .. words],
            Output = Recording,
            HookPath = hook,
            Stacks = StackWalk.FrameInformation,
        });
        Assert.Equal(0, result.ExitCode);
        (long walks, long differences) = (0, 0);
        foreach (Match line in OracleLine().Matches(File.ReadAllText(told)))
        {
            walks += long.Parse(line.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);
            differences += long.Parse(line.Groups[2].Value, System.Globalization.CultureInfo.InvariantCulture);
        }
        return (walks, differences);
    }

    [GeneratedRegex(@"oracle: pid \d+: (\d+) walks, (\d+) differ")]
    private static partial Regex OracleLine();
}
