using AllocReplay.Formats;

namespace AllocReplay.Replayer.Run;

/// <summary>What stands between a replay and its allocator. One may be part of a configuration; each run of it is begun and ended by itself.</summary>
public interface IHook
{
    /// <summary>As it is written in a configuration, options included.</summary>
    string Name { get; }

    /// <summary>The same without the path of a library: as tables show it.</summary>
    string Label => Name;

    /// <summary>Makes ready for one run.</summary>
    /// <exception cref="ReplayException">It cannot.</exception>
    IHookedRun Begin();
}

/// <summary>One run under a hook. Ends with <see cref="Complete"/> or <see cref="Abandon"/>.</summary>
public interface IHookedRun
{
    /// <summary>What is preloaded into the worker.</summary>
    PreloadedHook Library { get; }

    /// <summary>The worker has been started; it may not have begun to replay. It is over when one of the other two is called.</summary>
    /// <param name="processId">The worker's.</param>
    void Started(int processId)
    {
    }

    /// <summary>The replay is over, and was the trace.</summary>
    /// <param name="processId">The worker's.</param>
    /// <param name="replay">What it did; the trace's name is not known here.</param>
    /// <returns>What the hook counted, by name; empty where it counts nothing.</returns>
    /// <exception cref="ReplayException">The hook did not do what it is for.</exception>
    IReadOnlyDictionary<string, long> Complete(int processId, ReplayInfo replay);

    /// <summary>The replay was not the trace, or did not end.</summary>
    void Abandon();
}

/// <summary>A library that stands before the allocator in a replay.</summary>
/// <param name="Library">Its file.</param>
/// <param name="Environment">Its settings, as NAME=VALUE.</param>
public sealed record PreloadedHook(string Library, IReadOnlyList<string> Environment)
{
    /// <summary>The current directory of the worker; null: as this process has it.</summary>
    public string? Directory { get; init; }

    /// <summary>A function that the allocator must have for the hook to see its calls; null: any allocator will do.</summary>
    public string? Needs { get; init; }
}
