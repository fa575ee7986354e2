using System.IO.Hashing;
using System.Text;
using System.Text.RegularExpressions;

namespace AllocReplay.Formats.Stacks;

/// <summary>
/// A number for a stack that is the same in other runs, on other machines and after other compilations: of the names of its functions. Functions
/// that were inlined do not count, as another compilation inlines others; nor what runs before <c>main</c> and a thread's function.
/// </summary>
public static partial class SiteHash
{
    /// <summary>The hash of a stack: XXH3, 64 bits, of its functions' names in UTF-8, the lowest first, each with a zero byte behind it.</summary>
    /// <param name="frames">Its frames, the lowest first.</param>
    /// <param name="symbols">What they are called; a frame without a symbol counts as <c>module+0xoffset</c>.</param>
    /// <returns>The hash; 0 for a stack without frames.</returns>
    public static ulong Of(IReadOnlyList<Frame> frames, SymbolTable symbols)
    {
        var parts = new SitePart[frames.Count];
        for (int i = 0; i < parts.Length; i++)
            parts[i] = PartOf(frames[i], symbols);
        return Of(parts);
    }

    /// <summary>The same, of what each frame adds: <see cref="PartOf"/>.</summary>
    internal static ulong Of(ReadOnlySpan<SitePart> parts)
    {
        parts = parts[..CountOf(parts)];
        if (parts.IsEmpty)
            return 0;
        var hash = new XxHash3();
        foreach (SitePart part in parts)
        {
            hash.Append(part.Text);
            hash.Append([0]);
        }
        return hash.GetCurrentHashAsUInt64();
    }

    /// <summary>The frames that count, from the lowest on: without those that start a thread.</summary>
    internal static int CountOf(ReadOnlySpan<SitePart> parts)
    {
        int count = parts.Length;
        while (count > 1 && parts[count - 1].IsStart)
            count--;
        return count;
    }

    /// <summary>What a frame adds to the hashes of all stacks that it is on: stacks are many more than frames that differ.</summary>
    internal static SitePart PartOf(in Frame frame, SymbolTable symbols)
    {
        string name = NameOf(frame, symbols);
        return new SitePart(Encoding.UTF8.GetBytes(name), IsStart(frame, name));
    }

    /// <summary>The name that a function has in its source: without what a compiler adds to tell its own copies apart.</summary>
    internal static string Stable(string symbol)
    {
        int end = symbol.Length;
        // .cold, .constprop.0, .isra.1, .part.2, .lto_priv.3, .llvm.123
        int dot = symbol.IndexOf('.', Math.Min(1, symbol.Length));
        if (dot > 0 && CompilersSuffix().IsMatch(symbol.AsSpan(dot)))
            end = dot;
        // Rust's older names end in a hash of the crate: 17h, 16 digits, E.
        ReadOnlySpan<char> name = symbol.AsSpan(0, end);
        return RustHash().IsMatch(name) ? $"{name[..^20]}E" : name.ToString();
    }

    private static string NameOf(in Frame frame, SymbolTable symbols) =>
        symbols.Of(frame) is [.., { Symbol: { Length: > 0 } symbol }] ? Stable(symbol) : frame.ToString();

    /// <summary>The C library calls main and a thread's function; whether its own functions have names differs between machines.</summary>
    private static bool IsStart(in Frame frame, string name) => (frame.Module is { } module && IsCLibrary(module.Name)) || name == "_start";

    /// <summary>Whether a module is the C library, its threads or its loader.</summary>
    /// <param name="module">As <see cref="Module.Name"/>.</param>
    public static bool IsCLibrary(string module) => CLibrary().IsMatch(module);

    [GeneratedRegex(@"^(\.(cold|constprop|isra|part|lto_priv|llvm|localalias|\d+))+$")]
    private static partial Regex CompilersSuffix();

    [GeneratedRegex("17h[0-9a-f]{16}E$")]
    private static partial Regex RustHash();

    [GeneratedRegex(@"^(libc|libpthread|ld|ld-linux[-a-z0-9_]*|ld-musl[-a-z0-9_]*)[-.0-9]*(\.so.*)?$")]
    private static partial Regex CLibrary();
}
