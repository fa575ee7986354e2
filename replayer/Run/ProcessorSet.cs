using System.Globalization;

namespace AllocReplay.Replayer.Run;

/// <summary>Processors that replays run on, as the kernel and taskset write them: <c>0,2-3</c>.</summary>
public static class ProcessorSet
{
    /// <summary>The kernel's own limit on x86-64 and aarch64.</summary>
    private const int Max = 8192;

    /// <summary>The processors of a list, rising and each once; null where it is none.</summary>
    public static IReadOnlyList<int>? Parse(string list)
    {
        var processors = new SortedSet<int>();
        foreach (string part in list.Split(','))
        {
            string[] ends = part.Split('-');
            if (ends.Length > 2 || !IsNumber(ends[0], out int first) || !IsNumber(ends[^1], out int last) || first > last)
                return null;
            processors.UnionWith(Enumerable.Range(first, last - first + 1));
        }
        return [.. processors];
    }

    /// <summary>Those that this process, and whatever it starts, may run on.</summary>
    public static IReadOnlyList<int> Allowed()
    {
        const string name = "Cpus_allowed_list:";
        string line = File.ReadLines("/proc/self/status").First(l => l.StartsWith(name, StringComparison.Ordinal));
        return Parse(line[name.Length..].Trim())!;
    }

    private static bool IsNumber(string text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number < Max;
}
