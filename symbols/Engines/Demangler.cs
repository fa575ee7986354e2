using System.Text.RegularExpressions;
using AllocReplay.Formats.Stacks;

namespace AllocReplay.Symbols.Engines;

/// <summary>Names as C++ and Rust sources have them, by the first of c++filt and llvm-cxxfilt that is installed.</summary>
internal static partial class Demangler
{
    private static readonly string[] Programs = ["c++filt", "llvm-cxxfilt"];

    /// <summary>What names are in their sources; those that are no linkage names, or cannot be read, are not in it.</summary>
    public static IReadOnlyDictionary<string, string> Demangle(IEnumerable<string> symbols, CancellationToken token)
    {
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        string[] mangled = [.. symbols.Where(IsMangled).Distinct(StringComparer.Ordinal)];
        if (mangled.Length == 0 || Programs.Select(HelperProcess.Find).FirstOrDefault(p => p is not null) is not { } program)
            return names;
        using HelperProcess process = HelperProcess.Start(program);
        process.Ask(mangled, isLast: true);
        foreach (string symbol in mangled)
        {
            if (process.Read(token) is not { } name)
                break;
            if (name != symbol && name.Length > 0)
                names[symbol] = Additions().Replace(name, "");
        }
        return names;
    }

    /// <summary>A function by its name in the source.</summary>
    public static FunctionLine Named(this FunctionLine line, IReadOnlyDictionary<string, string> names) =>
        names.GetValueOrDefault(line.Function, SiteHash.Stable(line.Function)) is var name && name != line.Function
            ? line with { Function = name, LinkageName = line.Function }
            : line;

    /// <summary>
    /// A function without the version that a library's own symbol table may have at its name, as <c>getpwuid_r@@GLIBC_2.2.5</c>: the table of exported
    /// functions has it elsewhere, and the same function is to be called the same whichever of them told it.
    /// </summary>
    public static FunctionLine Unversioned(this FunctionLine line) => line with { Function = SymbolVersion().Replace(line.Function, "") };

    [GeneratedRegex(@"(?<=[^@])@{1,2}[A-Za-z_][\w.]*$")]
    private static partial Regex SymbolVersion();

    /// <summary>What compilers add: <c>alloc[fdfd2bd8633a6659]::fmt</c>, <c>shop::leak::hbb13245c711bbc20</c>, <c>f(int) [clone .isra.0]</c>.</summary>
    [GeneratedRegex(@"\[[0-9a-f]{16}\](?=::|>|$)|::h[0-9a-f]{16}$|( \[clone [^]]*\])+$")]
    private static partial Regex Additions();

    /// <summary>C++ and Rust. The program takes apart what is no word: such a name is no compiler's.</summary>
    private static bool IsMangled(string symbol) => (symbol.StartsWith("_Z", StringComparison.Ordinal) || symbol.StartsWith("_R", StringComparison.Ordinal))
        && symbol.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '$');
}
