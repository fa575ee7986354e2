namespace AllocReplay.Analyzer;

/// <summary>There is no dataset at a path, or it cannot be read. The message is one line that says what and where.</summary>
public sealed class DatasetException(string path, string problem) : Exception($"{path}: {problem}");

/// <summary>The output would overwrite what is there.</summary>
public sealed class DatasetExistsException(string path, string problem, string? partition) : Exception($"{path}: {problem}")
{
    /// <summary>What can be added to it, or replaced in it: <c>host=…/process=…</c>; null where it is no directory.</summary>
    public string? Partition { get; } = partition;
}

/// <summary>A dataset cannot be written where it was asked for. The message is one line that says where and why.</summary>
public sealed class DatasetNotWritableException(string path, Exception cause) : Exception($"{path}: cannot write a dataset there: {cause.Message}", cause);

/// <summary>
/// A query is wrong: it does not parse, names what is not there, or asks for more than to read. The message is the engine's where it is the
/// engine that refused it: the lines after the first show the place in the query.
/// </summary>
public sealed class QueryException(string message) : Exception(message.Replace("\t", "    ", StringComparison.Ordinal));
