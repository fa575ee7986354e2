using AllocReplay.Cli.Output;
using AllocReplay.Replayer;

namespace AllocReplay.Cli.Pages;

/// <summary>What a trace carries of a part of its recording that is gone, in words.</summary>
internal static class CarriedText
{
    /// <summary>Null where it carries nothing.</summary>
    public static string? Of(CarriedBlocks? carried) => carried is not { Blocks: > 0 } ? null
        : $"{Quantity.Count(carried.Blocks, "carried block")} ({Quantity.Bytes(carried.Bytes)}) acquired before the clock starts";

    /// <summary>What is not certain of it, as a sentence; null where all is.</summary>
    public static string? Uncertain(CarriedBlocks? carried) => carried is not { UncertainBlocks: > 0 } ? null
        : $"{Quantity.Count(carried.UncertainBlocks, "carried block is", "carried blocks are")} uncertain ({Quantity.Bytes(carried.UncertainBytes)}): "
            + "calls were lost or the recording was stopped after their acquisition, and they may have been given back meanwhile";
}
