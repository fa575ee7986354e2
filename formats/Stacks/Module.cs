namespace AllocReplay.Formats.Stacks;

/// <summary>An object file whose code was met in stacks, as it was mapped for a while.</summary>
/// <param name="Index">In <see cref="FrameTable.Modules"/>.</param>
/// <param name="From">Its first address.</param>
/// <param name="To">The address behind its last.</param>
/// <param name="Generation">It is from this generation of modules on; a generation ends where an object was unloaded.</param>
/// <param name="BuildId">In hexadecimal; empty when it has none.</param>
/// <param name="Path">As the program's loader had it.</param>
public sealed record Module(int Index, ulong From, ulong To, uint Generation, string BuildId, string Path)
{
    /// <summary>The last part of <see cref="Path"/>; <c>?</c> where that is empty.</summary>
    public string Name => System.IO.Path.GetFileName(Path) is { Length: > 0 } name ? name : "?";
}
