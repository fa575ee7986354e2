using AllocReplay.Replayer.Allocators;
using AllocReplay.Replayer.Plan;

namespace AllocReplay.Replayer.Run;

/// <summary>Whether a replay did what the trace says. A replay that did not has no figures worth having.</summary>
public static class ReplayCheck
{
    /// <param name="configuration">What it ran under, by name.</param>
    /// <param name="result">What the worker counted.</param>
    /// <param name="expected">What one replay of the trace amounts to.</param>
    /// <param name="loops">Times that it was replayed.</param>
    /// <param name="names">The threads' names.</param>
    /// <exception cref="ReplayException">
    /// A thread's calls or bytes differ from the trace's own totals, or the worker disturbed its own measurement.
    /// </exception>
    public static void Verify(
        string configuration, WorkerResult result, IReadOnlyList<ThreadExpectation> expected, int loops, IReadOnlyList<string> names)
    {
        if (result.Threads.Count != expected.Count)
            throw Wrong(configuration, $"{result.Threads.Count} threads replayed, the trace has {expected.Count}");
        for (int i = 0; i < expected.Count; i++)
        {
            WorkerThread thread = result.Threads[i];
            string who = $"thread {i}{(i < names.Count && names[i].Length > 0 ? $" ({names[i]})" : "")}";
            (long calls, ulong bytes) = (expected[i].Calls * loops, expected[i].BytesRequested * (ulong)loops);
            if (thread.Calls != calls)
                throw Wrong(configuration, $"{who} made {thread.Calls:N0} calls, the trace has {calls:N0}");
            if (thread.BytesRequested != bytes)
                throw Wrong(configuration, $"{who} requested {thread.BytesRequested:N0} bytes, the trace has {bytes:N0}");
            (long carriedCalls, ulong carriedBytes) = (expected[i].CarriedCalls * loops, expected[i].CarriedBytes * (ulong)loops);
            if (thread.CarriedCalls != carriedCalls || thread.CarriedBytes != carriedBytes)
            {
                throw Wrong(configuration, $"{who} made {thread.CarriedCalls:N0} calls of {thread.CarriedBytes:N0} bytes before the clock started, "
                    + $"the trace carries {carriedCalls:N0} of {carriedBytes:N0}");
            }
        }
        if (result.ManagedCollections != 0 || result.ManagedBytes != 0)
        {
            throw Wrong(configuration,
                $"the worker allocated {result.ManagedBytes:N0} bytes of its own during the replay ({result.ManagedCollections} collections)");
        }
    }

    /// <summary>The worker must have run on the allocator that was asked for.</summary>
    /// <param name="configuration">What was asked for.</param>
    /// <param name="result">What the worker found.</param>
    /// <param name="said">What it wrote: the dynamic linker says there what it did not load.</param>
    /// <exception cref="ReplayException">It ran on another.</exception>
    public static void VerifyAllocator(Configuration configuration, WorkerResult result, string said = "")
    {
        Allocator allocator = configuration.Allocator;
        if (allocator.IsReference || allocator.Library is null)
            return;
        string real = new FileInfo(result.AllocatorPath).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? result.AllocatorPath;
        // /lib and /usr/lib are one directory on most systems: what counts is that it is the same file.
        bool same = real == allocator.Library
            || (Path.GetFileName(real) == Path.GetFileName(allocator.Library) && ElfBuildId.Read(real) == allocator.BuildId);
        if (!same)
        {
            if (allocator.Preload is { } preload && WorkerDiagnosis.NotLoaded(preload, said) is { } why)
                throw new ReplayException(new RunFailure(FailureKind.CannotPreload), $"{configuration.Label}: {why}");
            throw new ReplayException(new RunFailure(FailureKind.WrongAllocator),
                $"{configuration.Label}: malloc came from {result.AllocatorPath}, not from {allocator.Library}: "
                + "the library does not provide it, or could not be loaded");
        }
    }

    private static ReplayException Wrong(string configuration, string what) =>
        new(new RunFailure(FailureKind.NotTheTrace), $"replay under {configuration} is not the trace: {what}");
}
