using System.Text.RegularExpressions;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Repository;

/// <summary>The hook's core is in layers: a file includes, and so calls, only what lies below it. docs/design/recorder.md draws them.</summary>
public sealed partial class HookLayerTests
{
    /// <summary>From the bottom. What stands in one line does not know of each other, but for a header and its own source.</summary>
    private static readonly string[][] Layers =
    [
        ["glibc_floor.h", "system", "text"], ["recording.h"], ["options"], ["sampled"], ["sample"], ["encode", "files", "handover", "identity", "unwind"],
        ["code"], ["chunk.h"], ["arena", "tails"], ["frames"], ["stack"], ["thread"], ["real_thread"], ["image"], ["record"], ["interpose_thread"],
        ["interpose_fork"], ["interpose_prctl"], ["interpose_dlclose"],
    ];

    /// <summary>Named from below, defined above: what each source of events has to bring.</summary>
    private const string Callbacks = "source.h";

    private static string Folder => Path.Combine(SourceTree.Root, "recorder", "core");

    [Fact]
    public void Each_file_of_the_core_includes_only_what_lies_below_it() =>
        SourceTree.AssertNone(Directory.GetFiles(Folder).SelectMany(f => Violations(Path.GetFileName(f), File.ReadAllText(f))));

    [Fact]
    public void An_include_from_above_and_a_file_without_a_layer_are_violations() // the controls
    {
        Assert.Single(Violations("encode.c", "#include \"thread.h\"\n"));
        Assert.Single(Violations("arena.c", "#include \"tails.h\"\n"));
        Assert.Single(Violations("thread.c", "#include \"image.h\"\n"));
        Assert.Single(Violations("new.c", ""));
        Assert.Empty(Violations("thread.c", "#include \"thread.h\"\n#include \"encode.h\"\n#include <errno.h>\n#include \"allocreplay_format.h\"\n"));
    }

    private static IEnumerable<string> Violations(string file, string text)
    {
        int own = LayerOf(file);
        if (own < 0 && file != Callbacks)
            yield return $"{file}: is in no layer";
        foreach (Match include in Include().Matches(text))
        {
            string name = include.Groups[1].Value;
            bool isOwn = Path.GetFileNameWithoutExtension(name) == Path.GetFileNameWithoutExtension(file);
            if (own >= 0 && !isOwn && name != Callbacks && !name.StartsWith("allocreplay_", StringComparison.Ordinal)
                && (LayerOf(name) is var layer && (layer < 0 || layer > own || layer == own && Layers[own].Length > 1 && !IsShared(name))))
            {
                yield return $"{file}: includes {name}";
            }
        }
    }

    /// <summary>A header of the lowest layer declares for two sources.</summary>
    private static bool IsShared(string name) => name == "system.h";

    private static int LayerOf(string file) =>
        Array.FindIndex(Layers, l => l.Contains(file) || l.Contains(Path.GetFileNameWithoutExtension(file)));

    [GeneratedRegex("""^#include "([^"]+)"$""", RegexOptions.Multiline)]
    private static partial Regex Include();
}
