using AllocReplay.Cli.Output;

namespace AllocReplay.Cli.Pages;

/// <summary>How much of a recording is kept whole, as it is asked for.</summary>
internal static class KeepText
{
    /// <summary>Null where all of it is.</summary>
    /// <param name="bytes">A size; 0: any.</param>
    /// <param name="ns">A time; 0: any.</param>
    public static string? Of(long bytes, long ns) => (bytes, ns) switch
    {
        (0, 0) => null,
        (_, 0) => $"--keep {Quantity.Bytes(bytes)}",
        (0, _) => $"--keep {Quantity.Duration(ns)}",
        _ => $"--keep {Quantity.Bytes(bytes)}, {Quantity.Duration(ns)}",
    };
}
