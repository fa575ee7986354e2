namespace AllocReplay.Replayer.Run;

/// <summary>What the worker looks at while it replays. One at a time, as each disturbs what the others see.</summary>
public enum Instrument
{
    /// <summary>Nothing: time, CPU, faults and switches are those of the calls alone.</summary>
    None = 0,
    /// <summary>Resident memory, its peak above all.</summary>
    Memory = 1,
    /// <summary>How long each call takes.</summary>
    Latency = 2,
    /// <summary>Whether blocks are what was asked for: aligned, apart from each other, and holding what was written into them.</summary>
    Blocks = 3,
}
