using AllocReplay.Formats.Files;
using AllocReplay.Formats.Stored;
using MessagePack;

namespace AllocReplay.Formats;

/// <summary>What the recorder knows of a session: the command it launched and how that ended. Stored as <c>session.msgpack</c>.</summary>
[MessagePackObject]
public sealed record SessionInfo
{
    /// <summary>The file's name inside a recording directory.</summary>
    internal const string FileName = "session.msgpack";

    /// <summary>More than the arguments that Linux lets a command have, which is 6 MiB.</summary>
    private const int FileMax = 16 << 20;

    /// <summary>The command and its arguments as given; of a redacted recording the command alone. May be empty.</summary>
    [Key("command")] public IReadOnlyList<string> Command { get; init; } = [];
    /// <summary>Host name; empty when it is not known.</summary>
    [Key("host")] public string Host { get; init; } = "";
    /// <summary>Kernel name and release; empty when they are not known.</summary>
    [Key("kernel")] public string Kernel { get; init; } = "";
    /// <summary>Processors available to the recorder; 0 when that is not known.</summary>
    [Key("processors")] public int Processors { get; init; }
    /// <summary>Start of the recorder, nanoseconds since the Unix epoch, UTC.</summary>
    [Key("started_ns")] public long StartedNs { get; init; }
    /// <summary>Process id of the command; 0 before it ran.</summary>
    [Key("pid")] public int Pid { get; init; }
    /// <summary>Exit code as a shell gives it, 0 to 255 (128 + signal when killed); null while the command runs, or when the recorder was killed
    /// first.</summary>
    [Key("exit_code")] public int? ExitCode { get; init; }
    /// <summary>Version of AllocReplay that recorded, as major.minor.patch.</summary>
    [Key("recorder")] public string Recorder { get; init; } = "";

    /// <summary>How the calls were to be seen, as in <see cref="ProcessInfo.Source"/>.</summary>
    [Key("source")] public string Source { get; init; } = ProcessInfo.FromPreload;

    /// <summary>Bytes of events after which a process image was to stop recording; 0: no limit.</summary>
    [Key("max_size")] public long MaxSize { get; init; }

    /// <summary>Nanoseconds after which recording was to stop; 0: no limit.</summary>
    [Key("max_duration_ns")] public long MaxDurationNs { get; init; }

    /// <summary>Bytes of the recording's latest part that are kept whole; 0: all of it.</summary>
    [Key("keep_bytes")] public long KeepBytes { get; init; }

    /// <summary>Nanoseconds of the recording's latest part that are kept whole; 0: all of it.</summary>
    [Key("keep_ns")] public long KeepNs { get; init; }

    /// <summary>
    /// Name of the packed trace beside the recording's directory into which events are taken while they are recorded; null: they stay in the directory.
    /// </summary>
    [Key("packed_into")] public string? PackedInto { get; init; }

    /// <summary>What was replayed, where the process was a replay of a trace; else null.</summary>
    [Key("replay")] public ReplayInfo? Replay { get; init; }

    /// <summary>False where a file has nil in the place of what every session has.</summary>
    [IgnoreMember]
    internal bool IsWhole => (object?)Command is not null && (object?)Host is not null && (object?)Kernel is not null && (object?)Recorder is not null
        && (object?)Source is not null && Command.All(a => (object?)a is not null) && Replay is not { IsWhole: false };

    /// <summary>Writes the session under a recording directory, whole or not at all.</summary>
    /// <exception cref="TraceNotWritableException">The directory cannot be written.</exception>
    internal void Save(string directory)
    {
        byte[] bytes = StoredMap.Serialize(this);
        PrivateFile.Replace(Path.Combine(directory, FileName), stream => stream.Write(bytes));
    }

    /// <summary>Reads the session of a recording directory; null when there is none.</summary>
    /// <exception cref="TraceFormatException">The file is there and is not a session.</exception>
    internal static SessionInfo? Load(string directory)
    {
        string path = Path.Combine(directory, FileName);
        if (!File.Exists(path))
            return null;
        using ByteSource file = ByteSource.OpenFile(path, followsLinks: false);
        if (file.Length > FileMax)
            throw new TraceFormatException(path, null, $"expected a session of at most {FileMax} bytes, found {file.Length}");
        try
        {
            SessionInfo? session = StoredMap.Deserialize<SessionInfo>(file.ReadAll(FileMax));
            return session is { IsWhole: true } ? session : throw new TraceFormatException(path, null,
                "expected a session's command, host, kernel, recorder and source");
        }
        catch (MessagePackSerializationException e)
        {
            throw new TraceFormatException(path, null, $"expected the session as a MessagePack map ({e.InnerException?.Message ?? e.Message})");
        }
    }
}
