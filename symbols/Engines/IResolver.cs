using AllocReplay.Formats.Stacks;

namespace AllocReplay.Symbols.Engines;

/// <summary>Knows the functions of addresses in an object file.</summary>
internal interface IResolver : IDisposable
{
    /// <summary>What it is and which version, so that what another would find is not taken for its own.</summary>
    string Identity { get; }

    /// <summary>Resolves addresses.</summary>
    /// <param name="file">The object file.</param>
    /// <param name="addresses">As it is linked, in ascending order.</param>
    /// <param name="token">Ends it.</param>
    /// <returns>
    /// Of each address its functions, the innermost first, by their linkage names; empty where they are not known. Fewer than there are
    /// addresses when the resolver failed.
    /// </returns>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    IReadOnlyList<IReadOnlyList<FunctionLine>> Resolve(string file, IReadOnlyList<ulong> addresses, CancellationToken token);
}
