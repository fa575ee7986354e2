using AllocReplay.Replayer.Allocators;

namespace AllocReplay.Replayer.Run;

/// <summary>What is to be compared, as it is asked for: allocators, values of variables for them, hooks before them.</summary>
/// <param name="Allocators">As they were named, perhaps with settings and hooks of their own; the first is what others are compared with.</param>
/// <param name="Axes">Each variable is set to each of its values, for each allocator that reads it.</param>
/// <param name="Hooks">Null being none.</param>
/// <param name="IsMatrix">Whether each allocator is to stand under each hook.</param>
public sealed record ConfigurationGrid(
    IReadOnlyList<Configuration> Allocators, IReadOnlyList<VariableAxis> Axes, IReadOnlyList<IHook?> Hooks, bool IsMatrix)
{
    /// <summary>
    /// The configurations. As a matrix: all, each allocator under each hook in turn. Else each allocator as it was named, then the first under each
    /// hook: what the allocators do, and what the hooks cost.
    /// </summary>
    /// <exception cref="ReplayException">Two are the same, or a variable or a hook goes with none of the allocators.</exception>
    public IReadOnlyList<Configuration> Expand()
    {
        IReadOnlyList<Configuration> bases = Allocators;
        foreach (VariableAxis axis in Axes)
            bases = Along(axis, bases);
        List<Configuration> all = IsMatrix
            ? [.. bases.SelectMany(b => Hooks.Count == 0 ? [b] : Hooks.Where(h => h is null || b.Allocator.CanBeHooked).Select(h => Under(b, h)))]
            : [.. bases, .. Hooks.OfType<IHook>().Select(h => Under(bases[0], h).RequireHookable())];
        ConfigurationParser.RequireDistinct(all);
        return all.Count > 0 ? all : throw new ReplayException(ReplayFailure.Usage, "no allocator is left that a hook could stand before");
    }

    private static List<Configuration> Along(VariableAxis axis, IReadOnlyList<Configuration> bases)
    {
        var all = new List<Configuration>();
        foreach (Configuration configuration in bases)
        {
            if (!AllocatorVariables.IsReadBy(configuration.Allocator, axis.Name))
            {
                all.Add(configuration);
                continue;
            }
            if (configuration.Environment.Any(v => v.StartsWith(axis.Name + "=", StringComparison.Ordinal)))
                throw new ReplayException(ReplayFailure.Usage, $"{configuration.Label}: {axis.Name} is set twice");
            all.AddRange(axis.Values.Select(value =>
                value is null ? configuration : configuration with { Environment = [.. configuration.Environment, $"{axis.Name}={value}"] }));
        }
        if (all.Count == bases.Count && axis.Values.Count > 0 && !bases.Any(b => AllocatorVariables.IsReadBy(b.Allocator, axis.Name)))
        {
            throw new ReplayException(ReplayFailure.Usage,
                $"{axis.Name}: {string.Join(", ", bases.Select(b => b.Allocator.Name).Distinct())} {(bases.Count == 1 ? "does" : "do")} not read it");
        }
        return all;
    }

    private static Configuration Under(Configuration configuration, IHook? hook) => hook is null ? configuration
        : configuration.Hook is null ? configuration with { Hook = hook }
        : throw new ReplayException(ReplayFailure.Usage, $"{configuration.Label} + {hook.Label}: one hook stands before an allocator");
}

/// <summary>Which hooks go with which allocators.</summary>
internal static class Hookable
{
    /// <exception cref="ReplayException">It has a hook, and its allocator makes no calls that one could see.</exception>
    public static Configuration RequireHookable(this Configuration configuration) => configuration.Hook is null || configuration.Allocator.CanBeHooked
        ? configuration
        : throw new ReplayException(ReplayFailure.Usage,
            $"{configuration.Allocator.Name} + {configuration.Hook.Label}: under {configuration.Allocator.Name} there are no calls for a hook to see");
}
