using System.Globalization;
using AllocReplay.Cli.Output;
using AllocReplay.Recorder;
using AllocReplay.Replayer;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Cli.Options;

/// <summary>The hooks that have a name: our own, with the recorder's options.</summary>
internal static class RecorderHooks
{
    private const string MallocHook = "MallocHook_AddNewHook"; // of gperftools' tcmalloc

    private static readonly string[] RecordOptionNames = ["sample", "latency", "stacks", "stacks-free", "stack-depth", "when-full"];

    public static HookCatalog Catalog { get; } = new(
    [
        new HookKind("count", [], (_, _) => new CountingHook()),
        new HookKind("record", RecordOptionNames, (_, options) => new RecordingHook(Name("record", options), Parse("record", options))),
        new HookKind("mallochook", RecordOptionNames, (_, options) => new RecordingHook(
            Name("mallochook", options), Parse("mallochook", options) with { Via = RecordVia.MallocHook }) { Needs = MallocHook }),
        new HookKind("toggle", RecordOptionNames, (time, options) => new RecordingHook(Name($"toggle={time}", options), Parse("toggle", options))
        {
            TogglePeriod = Quantity.ParseTime("toggle", time!),
        }, "10ms"),
    ]);

    private static string Name(string head, IReadOnlyList<string> options) => string.Join(',', [head, .. options]);

    /// <summary>The recorder's options, as <c>record</c> has them.</summary>
    private static RecordOptions Parse(string hook, IReadOnlyList<string> options)
    {
        var record = new RecordOptions { Command = ["allocreplay", "compare"], Output = "", OptIn = true };
        foreach (string option in options)
        {
            string[] parts = option.Split('=', 2);
            record = (parts[0], parts.ElementAtOrDefault(1)) switch
            {
                ("sample", { } n) when SampleArgument.TryParse(n) is { } sample => record with { Sample = sample },
                ("latency", null) => record with { Latency = true },
                ("stacks", "auto" or "cfi") => record with { Stacks = StackWalk.FrameInformation },
                ("stacks", "fp") => record with { Stacks = StackWalk.FramePointers },
                ("stacks-free", null) => record with { FreeStacks = true },
                ("stack-depth", { } n) when int.TryParse(n, NumberStyles.None, CultureInfo.InvariantCulture, out int depth) && depth is >= 1 and <= 128 =>
                    record with { StackDepth = depth },
                ("when-full", "wait") => record with { WhenFull = WhenFull.Wait },
                ("when-full", "drop") => record with { WhenFull = WhenFull.Drop },
                _ => throw new ReplayException(ReplayFailure.Usage,
                    $"{hook},{option}: expected sample=N or sample=512KiB, latency, stacks=auto|cfi|fp, stacks-free, stack-depth=1…128 or when-full=wait|drop"),
            };
        }
        bool isOfStacks = record.FreeStacks || options.Any(o => o.StartsWith("stack-depth", StringComparison.Ordinal));
        return isOfStacks && record.Stacks == StackWalk.None
            ? throw new ReplayException(ReplayFailure.Usage, $"{Name(hook, options)}: stacks-free and stack-depth go with stacks: add stacks=auto")
            : record;
    }
}
