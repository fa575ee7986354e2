using System.Globalization;
using System.Numerics;

namespace AllocReplay.Replayer.Allocators;

/// <summary>What a variable asks of an allocator, and what the allocator has.</summary>
/// <param name="Name">As the allocator calls it: <c>opt.narenas</c>, <c>glibc.malloc.arena_max</c>; of one that it cannot be asked for, the variable.</param>
/// <param name="Asked">The value that was asked for.</param>
/// <param name="Read">The value as the allocator has it; null where it cannot be asked.</param>
public sealed record AllocatorSetting(string Name, string Asked, string? Read)
{
    private static readonly string[] Yes = ["true", "yes", "on", "t", "y"], No = ["false", "no", "off", "f", "n"];

    /// <summary>Whether the allocator has what was asked for; null where it cannot be asked.</summary>
    public bool? IsTaken => Read is null ? null : AreEqual(Asked.Trim(), Read.Trim());

    /// <summary>Numbers by value, in any base and with any unit; yes and no by any word for them; the rest as text.</summary>
    internal static bool AreEqual(string asked, string read)
    {
        if (string.Equals(asked, read, StringComparison.OrdinalIgnoreCase))
            return true;
        if (Number(asked) is not { } a || Number(read) is not { } r)
            return false;
        // mimalloc has sizes in KiB.
        return a.Value == r.Value || (a.HasUnit && a.Value == r.Value * 1024);
    }

    private static (double Value, bool HasUnit)? Number(string text)
    {
        if (Yes.Contains(text, StringComparer.OrdinalIgnoreCase))
            return (1, false);
        if (No.Contains(text, StringComparer.OrdinalIgnoreCase))
            return (0, false);
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            return ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong hex) ? (hex, false) : null;
        string unit = text.TrimStart("-.0123456789".ToCharArray());
        int shift = unit.ToUpperInvariant() switch { "" => 0, "K" or "KB" or "KIB" => 10, "M" or "MB" or "MIB" => 20, "G" or "GB" or "GIB" => 30, _ => -1 };
        return shift >= 0 && double.TryParse(text.AsSpan(0, text.Length - unit.Length), CultureInfo.InvariantCulture, out double value)
            ? (value * BitOperations.RotateLeft(1u, shift), shift > 0)
            : null;
    }
}
