namespace AllocReplay.Formats.Stacks;

/// <summary>What was asked for needs stacks, and the trace has none. The message is one line that says so.</summary>
/// <param name="path">The trace.</param>
public sealed class StacksNotRecordedException(string path) : Exception($"{path}: the trace has no stacks")
{
    internal static void ThrowIfNone(TraceReader reader)
    {
        if (!reader.Process.Stacks)
            throw new StacksNotRecordedException(reader.Path);
    }
}
