using System.Text.Json;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Endtoend;

/// <summary>A program may call its functions anything: the names come through whole, and do not command who shows them.</summary>
[StartsProcesses]
public sealed class HostileNameTests : IDisposable
{
    private const string Quoted = "q\"<b>&'\\\n\t;\e[31mx", Invalid = "in\ufffdvalid";
    private const int LongName = 1 << 20;

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Names_of_functions_come_through_whole()
    {
        Programs.Need("objcopy", "llvm-symbolizer");
        Run("cc", "-c", "-O2", "-o", _directory["o"], Path.Combine(Targets.SourceDirectory, "hostile_names.c"));
        File.WriteAllText(_directory["long"], $"overlong {new string('x', LongName)}\n");
        Run("objcopy", $"--redefine-sym=quoted={Quoted}", $"--redefine-syms={_directory["long"]}", _directory["o"]);
        Run("sh", "-c", "objcopy --redefine-sym=invalid=\"$(printf 'in\\377valid')\" \"$0\"", _directory["o"]);
        Run("cc", "-Wl,--build-id=sha1", "-o", _directory["program"], _directory["o"]);
        Run(Programs.AllocReplayCommand, "record", "--stacks", "auto", "-o", _directory["r"], "--", _directory["program"]);

        foreach (bool isStored in new[] { false, true })
        {
            if (isStored)
                Run(Programs.AllocReplayCommand, "symbolize", _directory["r"]);
            using JsonDocument info = JsonDocument.Parse(Run(Programs.AllocReplayCommand, "info", "--json", _directory["r"]));
            Dictionary<ulong, string> names = info.RootElement.GetProperty("sites").EnumerateArray().ToDictionary(
                s => s.GetProperty("bytes").GetUInt64(), s => s.GetProperty("frames")[0].GetProperty("function").GetString()!);
            Assert.Equal((Quoted, Invalid), (names[1001], names[1002]));
            Assert.Equal(new string('x', LongName), names[1003]);

            string lines = Run(Programs.AllocReplayCommand, "dump", "--json", _directory["r"]);
            List<string> dumped = [.. lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement)
                .Where(e => e.TryGetProperty("frames", out _)).Select(e => e.GetProperty("frames")[0].GetProperty("function").GetString()!)];
            Assert.Contains(Quoted, dumped);
            Assert.Contains(new string('x', LongName), dumped);
            // On a page a name is a line, and commands nothing.
            foreach (string command in new[] { "info", "dump" })
                Assert.DoesNotContain('\e', Run(Programs.AllocReplayCommand, command, _directory["r"]));
            Assert.Contains("q\"<b>&'\\⏎\ufffd;\ufffd[31mx", Run(Programs.AllocReplayCommand, "dump", _directory["r"]), StringComparison.Ordinal);
        }
    }

    private static string Run(string program, params string[] arguments)
    {
        ProgramResult result = Programs.Run(program, arguments);
        Assert.True(result.ExitCode == 0, $"{program} {arguments[0]}: {result.Error}");
        return result.Output;
    }
}
