using System.Text;

namespace AllocReplay.Formats.Stacks;

/// <summary>What to call a site, for a reader.</summary>
public static class SiteName
{
    /// <summary>A name that is longer is shortened.</summary>
    private const int LongName = 40;

    /// <summary>What begins so, or has it behind a &lt;, is of a language's own library: it acquires for others.</summary>
    private static readonly string[] Libraries =
    [
        "operator new", "std::", "__gnu_cxx::", // C++
        "alloc::", "core::", "hashbrown::", "__rust_", "__rg_", "__rdl_", "rust_", // Rust
    ];

    /// <summary>
    /// The lowest function of a stack that is not of the C library nor of a language's own; else the lowest. One that was inlined does not count, as
    /// another compilation inlines others.
    /// </summary>
    /// <param name="lines">The functions, the lowest first; at least one.</param>
    public static int IndexIn(IReadOnlyList<StackLine> lines)
    {
        for (int i = 0; i < lines.Count; i++)
            if (!lines[i].IsInlined && !IsOfLibrary(lines[i]))
                return i;
        return lines.TakeWhile(l => l.IsInlined).Count();
    }

    /// <summary>A function as a reader would name it, and its line: <c>function (file:line)</c>.</summary>
    public static string Of(StackLine line) => line.Function is { Function.Length: > 0 } f
        ? (line with { Function = f with { Function = Short(f.Function) } }).ToString()
        : line.ToString();

    /// <summary>A function's name without its parameters and what it returns, and where it is long, without the arguments of templates.</summary>
    public static string Short(string function)
    {
        string name = WithoutParameters(function);
        if (name.Length < function.Length)
            name = WithoutReturnType(name); // only with its parameters is what it returns told
        return name.Length <= LongName ? name : WithoutArguments(name);
    }

    private static bool IsOfLibrary(StackLine line)
    {
        if (line.Frame.Module?.Name is { } module && (SiteHash.IsCLibrary(module)
            || module.StartsWith("libstdc++", StringComparison.Ordinal) || module.StartsWith("libc++", StringComparison.Ordinal)))
            return true;
        if (line.Function is not { Function: { Length: > 0 } function })
            return false;
        ReadOnlySpan<char> name = WithoutReturnType(function).TrimStart('<');
        foreach (string library in Libraries)
            if (name.StartsWith(library, StringComparison.Ordinal))
                return true;
        return false;
    }

    /// <summary>The last group of parentheses, and what qualifies it. A name may begin in one: (anonymous namespace)::f.</summary>
    private static string WithoutParameters(string name)
    {
        int end = name.LastIndexOf(')'), depth = 0;
        for (int i = end; i > 0; i--)
        {
            depth += name[i] == ')' ? 1 : name[i] == '(' ? -1 : 0;
            if (depth == 0)
                return IsQualifier(name.AsSpan(end + 1)) && name[i - 1] is not (':' or ' ') && !name.AsSpan(0, i).EndsWith("operator") ? name[..i] : name;
        }
        return name;
    }

    private static bool IsQualifier(ReadOnlySpan<char> text) => !text.Contains(':');

    /// <summary>What stands before the last blank that is in no brackets; but a blank is in "operator new".</summary>
    private static string WithoutReturnType(string name)
    {
        int depth = 0, start = 0;
        for (int i = 0; i < name.Length; i++)
        {
            char c = name[i];
            if (name.AsSpan(i).StartsWith("operator") && (i == 0 || !(char.IsLetterOrDigit(name[i - 1]) || name[i - 1] == '_')))
                break;
            depth += c is '<' or '(' or '{' or '[' ? 1 : c is '>' or ')' or '}' or ']' ? -1 : 0;
            if (c == ' ' && depth == 0)
                start = i + 1;
        }
        return start == 0 || start >= name.Length ? name : name[start..];
    }

    private static string WithoutArguments(string name)
    {
        if (name.Contains("operator<", StringComparison.Ordinal) || name.Contains("operator>", StringComparison.Ordinal)
            || name.Contains("operator-", StringComparison.Ordinal))
            return name; // these are no brackets
        var text = new StringBuilder();
        int depth = 0;
        for (int i = 0; i < name.Length; i++)
        {
            if (name[i] == '<' && i > 0 && depth++ == 0)
                text.Append("<…>");
            else if (depth == 0)
                text.Append(name[i]);
            else if (name[i] == '>' && name[i - 1] != '-')
                depth--;
        }
        return depth == 0 ? text.ToString() : name;
    }
}
