using System.Buffers.Binary;

namespace AllocReplay.Recorder;

/// <summary>Finds a command as a shell would, and tells whether a preloaded library can reach it.</summary>
public static class Executable
{
    private const int ElfHeaderSize = 64;
    private const uint SegmentInterpreter = 3; // PT_INTERP

    /// <summary>Resolves a command by PATH, or as a path when it has a slash.</summary>
    /// <exception cref="RecordException">There is no such command, or it may not be executed.</exception>
    public static string Find(string command)
    {
        IEnumerable<string> candidates = command.Contains('/')
            ? [command]
            : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(d => Path.Combine(d.Length == 0 ? "." : d, command));
        string? notExecutable = null;
        foreach (string path in candidates.Where(File.Exists))
        {
            if ((File.GetUnixFileMode(path) & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) != 0)
                return path;
            notExecutable ??= path;
        }
        if (Directory.Exists(command))
            throw new RecordException($"{command}: is a directory", RecordFailure.CannotRun);
        throw notExecutable is not null
            ? new RecordException($"{notExecutable}: not executable", RecordFailure.CannotRun)
            : new RecordException($"{command}: command not found", RecordFailure.NotFound);
    }

    /// <summary>Why the preloaded hook would not be loaded into this file when it is run, as a phrase; null when it would be.</summary>
    public static string? WhyNotRecordable(string path)
    {
        UnixFileMode mode = File.GetUnixFileMode(path);
        if ((mode & (UnixFileMode.SetUser | UnixFileMode.SetGroup)) != 0 && !Environment.IsPrivilegedProcess)
            return "it is set-user-ID or set-group-ID, and the dynamic linker preloads nothing into such programs";
        return IsStaticElf(path) ? "it is statically linked, and the recorder is loaded by the dynamic linker" : null;
    }

    private static bool IsStaticElf(string path)
    {
        using FileStream file = File.OpenRead(path);
        Span<byte> header = stackalloc byte[ElfHeaderSize];
        if (file.ReadAtLeast(header, ElfHeaderSize, throwOnEndOfStream: false) < ElfHeaderSize || !header.StartsWith("\u007fELF\u0002\u0001"u8))
            return false; // a script: its interpreter decides
        long at = BinaryPrimitives.ReadInt64LittleEndian(header[32..]);
        int size = BinaryPrimitives.ReadUInt16LittleEndian(header[54..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(header[56..]);
        Span<byte> segment = stackalloc byte[4];
        for (int i = 0; i < count; i++)
        {
            file.Position = at + (long)i * size;
            if (file.ReadAtLeast(segment, 4, throwOnEndOfStream: false) < 4)
                return false;
            if (BinaryPrimitives.ReadUInt32LittleEndian(segment) == SegmentInterpreter)
                return false;
        }
        return true;
    }
}
