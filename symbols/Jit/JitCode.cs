using AllocReplay.Formats.Stacks;

namespace AllocReplay.Symbols.Jit;

/// <summary>Functions that were made at run time, and where. Code may have been at an address after other code: the last is taken.</summary>
internal sealed class JitCode
{
    /// <summary>Functions before an address that are looked at: as many may have begun inside another that was there before.</summary>
    private const int Back = 64;

    private readonly Dictionary<ulong, Function> _functions = [];
    private ulong[]? _starts;

    private sealed record Function(ulong Size, string Name, IReadOnlyList<(ulong Address, string File, int Line)> Lines);

    /// <summary>Files that it was read from.</summary>
    public List<string> Sources { get; } = [];

    /// <summary>Notes a function.</summary>
    /// <param name="address">Its first.</param>
    /// <param name="size">Bytes of its code.</param>
    /// <param name="name">As the program's compiler calls it.</param>
    /// <param name="lines">Where lines begin in it, in order of addresses.</param>
    public void Add(ulong address, ulong size, string name, IReadOnlyList<(ulong Address, string File, int Line)>? lines = null)
    {
        _functions[address] = new Function(size, name, lines ?? []);
        _starts = null;
    }

    /// <summary>Notes that a function lies elsewhere from here on.</summary>
    public void Move(ulong from, ulong to)
    {
        if (!_functions.TryGetValue(from, out Function? function))
            return;
        Add(to, function.Size, function.Name, [.. function.Lines.Select(l => (l.Address - from + to, l.File, l.Line))]);
    }

    /// <summary>The function at an address; null where none is known.</summary>
    public FunctionLine? At(ulong address)
    {
        _starts ??= [.. _functions.Keys.Order()];
        int at = Array.BinarySearch(_starts, address);
        at = at < 0 ? ~at - 1 : at;
        for (int i = at; i >= Math.Max(0, at - Back); i--)
        {
            Function function = _functions[_starts[i]];
            if (address - _starts[i] >= function.Size)
                continue;
            (ulong _, string file, int line) = function.Lines.LastOrDefault(l => l.Address <= address, (Address: 0ul, File: "", Line: 0));
            return new FunctionLine(function.Name, "", file, line);
        }
        return null;
    }
}
