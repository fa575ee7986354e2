namespace AllocReplay.Analyzer;

/// <summary>There is no dataset at a path, or it cannot be read. The message is one line that says what and where.</summary>
public sealed class DatasetException(string path, string problem) : Exception($"{path}: {problem}");

/// <summary>The output would overwrite what is there.</summary>
public sealed class DatasetExistsException(string path, string problem) : Exception($"{path}: {problem}");

/// <summary>A query is wrong: it does not parse, names what is not there, or asks for more than to read. The message is one line.</summary>
public sealed class QueryException(string message) : Exception(message);
