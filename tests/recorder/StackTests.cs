using System.Text.RegularExpressions;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Packed;
using AllocReplay.Formats.Stacks;
using AllocReplay.Recorder;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>Where calls were made: the frames of each are those that the program had.</summary>
[StartsProcesses]
public sealed partial class StackTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    private string Recording => _directory["r.allocrec"];

    [Fact]
    public void A_stack_has_the_functions_that_called_one_another()
    {
        Programs.Need("addr2line");
        RecordPaths(StackWalk.FrameInformation);
        using TraceReader reader = TraceReader.Open(Recording);
        Dictionary<ulong, string> paths = PathsOf(reader);

        Assert.Equal("take < direct < main < C", paths[10001]);
        Assert.Equal("take < direct < by_pointer < main < C", paths[10002]);
        Assert.Equal("take < inlines < main < C", paths[10003]);
        Assert.Equal("take < deep < deep < deep < deep < main < C", paths[10004]);
        Assert.Equal("take < aligned < main < C", paths[10005]);
        Assert.Equal("take < without_information < main < C", paths[10006]);
        Assert.Equal("take < on_signal < C < main < C", paths[10007]);
        Assert.Equal("take < direct < on_thread < C", paths[10008]);
        Assert.StartsWith("take < direct < in_coroutine", paths[10009], StringComparison.Ordinal);
        // Opened and closed in turn, at one address: each is resolved against what was there then.
        Assert.Equal("take < in_plugin_first < in_plugin_of < in_plugin < main < C", paths[10010]);
        Assert.Equal("take < in_plugin_second < in_plugin_of < in_plugin < main < C", paths[10011]);
        Assert.Equal(paths[10010], paths[10012]);
        Assert.Equal(paths[10011], paths[10013]);
        Assert.Equal($"take{string.Concat(Enumerable.Repeat(" < deep", 63))} …", paths[10020]);
        Assert.Null(reader.Damage);
        Assert.Equal(0UL, reader.Process.LostEvents);
    }

    /// <summary>A packed trace has the same stacks, and a part of it too.</summary>
    [Fact]
    public void Stacks_are_packed_with_the_events()
    {
        RecordPaths(StackWalk.FrameInformation, freeStacks: true);
        TracePacker.Pack(Recording, _directory["r.alloctrace"], cancellation: TestContext.Current.CancellationToken);
        using TraceReader reader = TraceReader.Open(Recording), packed = TraceReader.Open(_directory["r.alloctrace"]);
        int stacks = 0;
        while (reader.Read(out TraceEvent e))
        {
            Assert.True(packed.Read(out TraceEvent same));
            Assert.Equal(e, same);
            Assert.Equal(reader.Frames.Of(e.Stack, out bool isWhole), packed.Frames.Of(same.Stack, out bool isSameWhole));
            Assert.Equal(isWhole, isSameWhole);
            stacks += e.Stack > 0 && CallKinds.IsDeallocation(e.Kind) ? 1 : 0;
        }
        Assert.InRange(stacks, 14, 10_000);
    }

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

    private void RecordPaths(StackWalk walk, bool freeStacks = false)
    {
        string Plugin(string name, int padding) => Targets.Build(
            "call_paths_plugin.c", "-shared", "-fPIC", "-O2", $"-DPLUGIN={name}", $"-DPADDING=\"{padding}\"");
        RecordResult result = RecordedCommand.Run(new RecordOptions
        {
            Command = [Targets.Build("call_paths.c", "-O2", "-fno-builtin"), Plugin("first", 64), Plugin("second", 640)],
            Output = Recording,
            Stacks = walk,
            FreeStacks = freeStacks,
        });
        Assert.Equal((0, 0), (result.ExitCode, result.Failures.Count));
    }

    /// <summary>The path of the block of each size: functions of ours by name, a row of others as C.</summary>
    private static Dictionary<ulong, string> PathsOf(TraceReader reader)
    {
        var paths = new Dictionary<ulong, string>();
        while (reader.Read(out TraceEvent e))
        {
            if (e is not { Kind: CallKind.Malloc, Size: > 10_000 and < 10_100 })
                continue;
            var names = new List<string>();
            foreach (Frame frame in reader.Frames.Of(e.Stack, out _))
            {
                string name = NameOf(frame);
                if (name != "C" || names.LastOrDefault() != "C")
                    names.Add(name);
            }
            _ = reader.Frames.Of(e.Stack, out bool isWhole);
            paths.Add(e.Size, string.Join(" < ", names) + (isWhole ? "" : " …"));
        }
        return paths;
    }

    private static string NameOf(Frame frame)
    {
        if (frame.Module is not { } module || !module.Path.Contains("call_paths", StringComparison.Ordinal))
            return "C";
        string name = Programs.Run("addr2line", ["-fe", module.Path, $"0x{frame.CallAddress - module.From:x}"]).Output.Split('\n')[0];
        return name is "_start" or "??" ? "C" : name;
    }

    [GeneratedRegex(@"oracle: pid \d+: (\d+) walks, (\d+) differ")]
    private static partial Regex OracleLine();
}
