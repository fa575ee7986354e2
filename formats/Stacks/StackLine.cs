namespace AllocReplay.Formats.Stacks;

/// <summary>A function on a stack. A frame has one for itself, and one for each function that the compiler put into it there.</summary>
/// <param name="Frame">The frame.</param>
/// <param name="Function">What symbols say; null where there are none.</param>
/// <param name="IsInlined">Whether it has no frame of its own: the function of the next line called it.</param>
public readonly record struct StackLine(Frame Frame, FunctionLine? Function, bool IsInlined)
{
    /// <summary>The function; without a symbol <c>module+0xoffset</c>; never empty.</summary>
    public string Name => Function?.Function is { Length: > 0 } name ? name : Frame.ToString();

    /// <summary>As <c>function (file:line)</c>, as far as it is known, the file without its directories.</summary>
    public override string ToString() => Function is { File.Length: > 0 } f
        ? $"{Name} ({System.IO.Path.GetFileName(f.File)}{(f.Line > 0 ? $":{f.Line}" : "")})"
        : Name;
}
