namespace AllocReplay.Replayer.Run;

/// <summary>What the worker writes into a new block, as a program would. Blocks of calloc are left as they are, unless asked for.</summary>
public enum TouchPolicy
{
    /// <summary>Nothing.</summary>
    None = 0,
    /// <summary>The first byte.</summary>
    First = 1,
    /// <summary>One byte in every 4 KiB page.</summary>
    Page = 2,
    /// <summary>Every byte.</summary>
    Full = 3,
}
