using System.Globalization;

namespace AllocReplay.Bench;

/// <summary>What native/churn.c prints.</summary>
internal static class ChurnFigures
{
    /// <summary>The figure of a thread's call, by its line <c>N ns/call M KiB</c>.</summary>
    public static double NsPerCall(string printed) =>
        double.Parse(printed.Split('\n').First(l => l.Contains("ns/call", StringComparison.Ordinal)).Split(' ')[0], CultureInfo.InvariantCulture);
}
