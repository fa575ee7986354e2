namespace AllocReplay.Formats.Stacks;

/// <summary>What a frame adds to the hash of a site.</summary>
/// <param name="Text">The stable name of its function, in UTF-8.</param>
/// <param name="IsStart">Whether it starts a thread: it does not count where it is among the last.</param>
internal readonly record struct SitePart(byte[] Text, bool IsStart);
