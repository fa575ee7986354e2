namespace AllocReplay.Replayer.Order;

/// <summary>Which edges of the recorded execution a replay keeps.</summary>
public enum ReplayOrder
{
    /// <summary>Program order, object order, thread lifecycle.</summary>
    Deps = 0,
    /// <summary>Those, and real time: what had ended before a call began ends before it begins.</summary>
    Exact = 1,
    /// <summary>One call after the other, in the order of the merged trace.</summary>
    Total = 2,
}
