using System.Runtime.InteropServices;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Packed;

namespace AllocReplay.Formats;

/// <summary>What hinders the writing of a trace.</summary>
public enum WriteObstacle
{
    /// <summary>The system: a full disk, a missing directory or permission.</summary>
    System,
    /// <summary>There is a file of that name, and it was not to be replaced.</summary>
    Exists,
    /// <summary>There is something of that name that is never replaced: a directory, a link, a pipe, a device.</summary>
    NoFile,
}

/// <summary>A trace cannot be written where it was asked for. The message is one line that says where and why.</summary>
public sealed class TraceNotWritableException : IOException
{
    private TraceNotWritableException(string path, string problem, WriteObstacle obstacle, Exception? cause)
        : base($"{path}: {problem}", cause)
    {
        Obstacle = obstacle;
        if (cause is not null)
            HResult = cause.HResult;
    }

    /// <summary>What hinders it.</summary>
    public WriteObstacle Obstacle { get; }

    /// <summary>What hinders a file from being written; null when nothing is known to.</summary>
    /// <param name="path">Its name.</param>
    /// <param name="replace">Whether a file of that name may be replaced.</param>
    public static TraceNotWritableException? Foresee(string path, bool replace)
    {
        if (FileKind.WhyNotRegular(path) is { } kind)
            return new TraceNotWritableException(path, $"is {kind}", WriteObstacle.NoFile, null);
        return !replace && Path.Exists(path) ? Exists(path) : null;
    }

    /// <summary>The same of a file that is no trace: in place of one it is never written, which may be the very one that it is made from.</summary>
    /// <param name="path">Its name.</param>
    /// <param name="replace">Whether a file of that name may be replaced.</param>
    public static TraceNotWritableException? ForeseeOther(string path, bool replace) =>
        Foresee(path, replace) ?? (replace && PackFile.IsPack(path) ? new(path, "is a packed trace", WriteObstacle.NoFile, null) : null);

    internal static TraceNotWritableException Exists(string path) => new(path, "already there", WriteObstacle.Exists, null);

    /// <summary>The system's refusal, in words that name the file that was asked for: the temporary one beside it nobody knows.</summary>
    internal static TraceNotWritableException Of(string path, Exception cause) =>
        cause as TraceNotWritableException ?? new(path, $"cannot be written: {Reason(cause)}", WriteObstacle.System, cause);

    /// <summary>Whether a failure is the system's to write. The runtime takes a file that grows too large for a wrong argument.</summary>
    internal static bool Covers(Exception e) => e is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException { ParamName: "value" };

    private static string Reason(Exception cause) => cause switch
    {
        ArgumentOutOfRangeException => "File too large",
        DirectoryNotFoundException => "there is no such directory",
        UnauthorizedAccessException => "permission denied",
        PathTooLongException => "the name is too long",
        IOException { HResult: 11 /* EAGAIN, of a lock */ } => "another process is writing it",
        // The runtime puts what the system said before the name.
        IOException { HResult: > 0 and < 4096 } => Marshal.GetPInvokeErrorMessage(cause.HResult),
        _ => cause.Message,
    };
}
