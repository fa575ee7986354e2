namespace AllocReplay.Formats;

/// <summary>A trace has no such process image, interval or mark as it was asked for: the trace is well, the choice is not.</summary>
public sealed class TracePartException : TraceFormatException
{
    internal TracePartException(string path, string problem)
        : base(path, null, problem)
    {
    }
}
