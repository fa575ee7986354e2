using AllocReplay.Cli.Output;

namespace AllocReplay.Cli.Pages;

/// <summary>
/// What configurations are called in tables: as they are where that is short; else without the settings of the hook, or with the middle left out, and
/// with a number where two would be called alike. What is short for what is told once, below.
/// </summary>
internal sealed class ShortLabels
{
    /// <summary>Columns of a label: a verdict of any length fits beside it in a terminal of 80.</summary>
    public const int LengthMax = 28;

    private const string Left = "…", Plus = " + ", Lib = "lib";

    private readonly Dictionary<string, string> _labels = [];
    private readonly List<(string Label, string Configuration)> _shortened = [];

    /// <param name="configurations">The label of each, no two alike, with what it is in full.</param>
    public ShortLabels(IEnumerable<(string Label, string Configuration)> configurations)
    {
        (string Label, string Configuration)[] all = [.. configurations.DistinctBy(c => c.Label)];
        HashSet<string> taken = [.. all.Select(c => TextLine.Plain(c.Label)).Where(l => l.Length <= LengthMax)];
        foreach ((string label, string configuration) in all)
        {
            string plain = TextLine.Plain(label);
            _labels[label] = plain;
            if (plain.Length <= LengthMax)
                continue;
            string stem = WithoutSettingsOfHook(StemOfHook(plain));
            string brief = WithoutSettingsOfHook(plain) is { Length: <= LengthMax } fits ? fits : WithoutMiddle(stem, LengthMax);
            for (int n = 2; !taken.Add(brief); n++)
                brief = WithoutMiddle(stem, LengthMax - $" [{n}]".Length) + $" [{n}]";
            _labels[label] = brief;
            _shortened.Add((brief, configuration));
        }
    }

    /// <summary>What a configuration of that label is called; the label itself where it is none of these.</summary>
    public string this[string label] => _labels.GetValueOrDefault(label) ?? TextLine.Plain(label);

    /// <summary>The labels that are not as they were, each with what stands for it.</summary>
    public IEnumerable<(string Label, string Brief)> Shortened => _labels.Where(l => l.Value != TextLine.Plain(l.Key)).Select(l => (l.Key, l.Value));

    /// <summary>What each that is not called by its label is in full, a line each.</summary>
    public IEnumerable<string> Legend => _shortened.Select(s => $"{s.Label} is {s.Configuration}");

    /// <summary>A comma inside of the name of the hook's library stands in quotes: then the label stays as it is.</summary>
    private static string WithoutSettingsOfHook(string label)
    {
        int hook = HookIn(label), comma = hook < 0 ? -1 : label.IndexOf(',', hook);
        return comma < 0 || label[hook] == '"' ? label : label[..(comma + 1)] + Left;
    }

    /// <summary>libNAME.so of a hook as NAME.</summary>
    private static string StemOfHook(string label)
    {
        int hook = HookIn(label), end = hook < 0 ? -1 : label.IndexOf(".so", hook, StringComparison.Ordinal);
        return end > hook + Lib.Length && label.AsSpan(hook).StartsWith(Lib) ? label[..hook] + label[(hook + Lib.Length)..end] + label[(end + 3)..] : label;
    }

    /// <summary>Where the hook begins; -1 without one.</summary>
    private static int HookIn(string label) =>
        label.LastIndexOf(Plus, StringComparison.Ordinal) is >= 0 and var plus && plus + Plus.Length < label.Length ? plus + Plus.Length : -1;

    /// <summary>The beginning says what it is of, and the end is where settings differ.</summary>
    private static string WithoutMiddle(string label, int length)
    {
        if (label.Length <= length)
            return label;
        int head = length / 2, tail = length - head - Left.Length;
        head -= char.IsHighSurrogate(label[head - 1]) ? 1 : 0;
        tail -= char.IsLowSurrogate(label[^tail]) ? 1 : 0;
        return label[..head] + Left + label[^tail..];
    }
}
