using AllocReplay.Formats;

namespace AllocReplay.Replayer.Run;

/// <summary>What stands between a replay and its allocator. One may be part of a configuration; each run of it is begun and ended by itself.</summary>
public interface IHook
{
    /// <summary>What it is called in a configuration.</summary>
    string Name { get; }

    /// <summary>Makes ready for one run.</summary>
    /// <exception cref="ReplayException">It cannot.</exception>
    IHookedRun Begin();
}

/// <summary>One run under a hook. Ends with one of the two methods.</summary>
public interface IHookedRun
{
    /// <summary>What is preloaded into the worker.</summary>
    PreloadedHook Library { get; }

    /// <summary>The replay is over, and was the trace.</summary>
    /// <param name="processId">The worker's.</param>
    /// <param name="replay">What it did; the trace's name is not known here.</param>
    void Complete(int processId, ReplayInfo replay);

    /// <summary>The replay was not the trace, or did not end.</summary>
    void Abandon();
}

/// <summary>A library that stands before the allocator in a replay.</summary>
/// <param name="Library">Its file.</param>
/// <param name="Environment">Its settings, as NAME=VALUE.</param>
public sealed record PreloadedHook(string Library, IReadOnlyList<string> Environment);
