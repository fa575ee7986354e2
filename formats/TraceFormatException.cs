namespace AllocReplay.Formats;

/// <summary>The input is missing, is not a trace, or is damaged. The message is one line that says what, where and what was expected.</summary>
public class TraceFormatException : Exception
{
    /// <summary>Creates an exception about a place in a file.</summary>
    /// <param name="path">The file or directory.</param>
    /// <param name="offset">Bytes from the start of the file, or null when the whole is meant.</param>
    /// <param name="problem">What was expected and what was found, as a phrase.</param>
    public TraceFormatException(string path, long? offset, string problem)
        : base(offset is null ? $"{path}: {problem}" : $"{path}: at byte {offset}: {problem}")
    {
        Path = path;
        Offset = offset;
    }

    private protected TraceFormatException(TraceFormatException same)
        : base(same.Message, same) => (Path, Offset) = (same.Path, same.Offset);

    private TraceFormatException(string path, string message)
        : base(message) => Path = path;

    /// <summary>An exception about a line of a text file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="line">Number of the line, from 1.</param>
    /// <param name="problem">What was expected and what was found, as a phrase.</param>
    public static TraceFormatException AtLine(string path, long line, string problem) => new(path, $"{path}: line {line}: {problem}");

    /// <summary>The file or directory at fault.</summary>
    public string Path { get; }

    /// <summary>Bytes from the start of the file, where one place is at fault; else null.</summary>
    public long? Offset { get; }
}
