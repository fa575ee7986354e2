namespace AllocReplay.Formats.Stacks;

/// <summary>A line of a function, as symbols tell it.</summary>
/// <param name="Function">The function, as its source has it.</param>
/// <param name="LinkageName">Its name in the object file, where that is another; else empty.</param>
/// <param name="File">Path of the source file, as the compiler had it; empty when it is not known.</param>
/// <param name="Line">From 1; 0 when it is not known.</param>
public readonly record struct FunctionLine(string Function, string LinkageName, string File, int Line)
{
    /// <summary>The name that tells it from others.</summary>
    public string Symbol => LinkageName.Length > 0 ? LinkageName : Function;
}
