using MessagePack;

namespace AllocReplay.Formats;

/// <summary>What the recorder knows of a session: the command it launched and how that ended. Stored as <c>session.msgpack</c>.</summary>
[MessagePackObject]
public sealed record SessionInfo
{
    /// <summary>The file's name inside a recording directory.</summary>
    public const string FileName = "session.msgpack";

    /// <summary>The command and its arguments.</summary>
    [Key("command")] public IReadOnlyList<string> Command { get; init; } = [];
    /// <summary>Host name.</summary>
    [Key("host")] public string Host { get; init; } = "";
    /// <summary>Kernel name and release.</summary>
    [Key("kernel")] public string Kernel { get; init; } = "";
    /// <summary>Processors available to the recorder.</summary>
    [Key("processors")] public int Processors { get; init; }
    /// <summary>Start, in nanoseconds since the Unix epoch.</summary>
    [Key("started_ns")] public long StartedNs { get; init; }
    /// <summary>Process id of the command; 0 before it ran.</summary>
    [Key("pid")] public int Pid { get; init; }
    /// <summary>Exit code as a shell gives it (128 + signal when killed), or null while running.</summary>
    [Key("exit_code")] public int? ExitCode { get; init; }
    /// <summary>Version of AllocReplay that recorded.</summary>
    [Key("recorder")] public string Recorder { get; init; } = "";

    /// <summary>How the calls were to be seen, as in <see cref="ProcessInfo.Source"/>.</summary>
    [Key("source")] public string Source { get; init; } = ProcessInfo.FromPreload;

    /// <summary>False where a file has nil in the place of what every session has.</summary>
    [IgnoreMember]
    internal bool IsWhole => (object?)Command is not null && (object?)Host is not null && (object?)Kernel is not null && (object?)Recorder is not null
        && (object?)Source is not null && Command.All(a => (object?)a is not null);

    /// <summary>Writes the session under a recording directory, whole or not at all.</summary>
    /// <exception cref="IOException">The directory cannot be written.</exception>
    public void Save(string directory)
    {
        string path = Path.Combine(directory, FileName);
        string temporary = path + ".tmp";
        var options = new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        };
        using (var stream = new FileStream(temporary, options))
            MessagePackSerializer.Serialize(stream, this);
        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>Reads the session of a recording directory; null when there is none.</summary>
    /// <exception cref="TraceFormatException">The file is there and is not a session.</exception>
    public static SessionInfo? Load(string directory)
    {
        string path = Path.Combine(directory, FileName);
        if (!File.Exists(path))
            return null;
        try
        {
            var options = MessagePackSerializerOptions.Standard.WithSecurity(MessagePackSecurity.UntrustedData);
            SessionInfo? session = MessagePackSerializer.Deserialize<SessionInfo?>(File.ReadAllBytes(path), options);
            return session is { IsWhole: true } ? session : throw new TraceFormatException(path, null, "expected a session's command, host, kernel, recorder and source");
        }
        catch (MessagePackSerializationException e)
        {
            throw new TraceFormatException(path, null, $"expected the session as a MessagePack map ({e.InnerException?.Message ?? e.Message})");
        }
    }
}
