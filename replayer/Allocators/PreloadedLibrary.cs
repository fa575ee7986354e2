namespace AllocReplay.Replayer.Allocators;

/// <summary>What can be preloaded.</summary>
internal static class PreloadedLibrary
{
    /// <param name="name">What the user calls it.</param>
    /// <param name="path">Its file.</param>
    /// <exception cref="ReplayException">There is no such file, or the dynamic linker cannot be told of it.</exception>
    public static void Require(string name, string path)
    {
        if (!File.Exists(path))
            throw new ReplayException(ReplayFailure.NotPossible, $"{name}: no such library: {path}");
        // ld.so(8): LD_PRELOAD is split at blanks and colons, and what follows a dollar sign is replaced.
        if (path.AsSpan().IndexOfAny(" \t\n:$") >= 0)
        {
            throw new ReplayException(new RunFailure(FailureKind.CannotPreload),
                $"{path}: the dynamic linker preloads nothing whose path holds a space, a colon or a dollar sign; name it by a link from elsewhere");
        }
    }
}
