namespace AllocReplay.Formats.Stacks;

/// <summary>A frame of a stack.</summary>
/// <param name="Address">A return address; where <paramref name="IsExact"/>, the instruction that a signal interrupted.</param>
/// <param name="IsExact">Whether the frame had called nobody.</param>
/// <param name="Module">The module that it was in, or null when it was in none that is known.</param>
public readonly record struct Frame(ulong Address, bool IsExact, Module? Module)
{
    /// <summary>The address of the call itself, or of a byte of it: by this the function and line are found.</summary>
    public ulong CallAddress => IsExact ? Address : Address - 1;

    /// <summary>The same, as a place in the module.</summary>
    public CodeLocation Location => Module is null ? new(-1, CallAddress) : new(Module.Index, CallAddress - Module.From);

    /// <summary>As <c>module+0xoffset</c>, the offset being that of the call from the module's first address; where there is no module, the address.</summary>
    public override string ToString() => Module is null ? $"0x{CallAddress:x}" : $"{Module.Name}+0x{CallAddress - Module.From:x}";
}
