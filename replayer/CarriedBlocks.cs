namespace AllocReplay.Replayer;

/// <summary>
/// What was live when the part of a recording begins that is there whole (<c>record --keep</c>): a replay acquires it before its clock starts, so that the
/// window runs on the heap it ran on.
/// </summary>
/// <param name="Blocks">Blocks that are acquired.</param>
/// <param name="Bytes">Bytes requested of them.</param>
/// <param name="UncertainBlocks">
/// Those of them that may have been given back unseen before the window: acquired before calls were lost or the recording was stopped, and not given back in
/// the window, which would show that they were there.
/// </param>
/// <param name="UncertainBytes">Bytes requested of those.</param>
public sealed record CarriedBlocks(long Blocks, ulong Bytes, long UncertainBlocks, ulong UncertainBytes);
