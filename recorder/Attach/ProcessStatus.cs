using System.Globalization;

namespace AllocReplay.Recorder.Attach;

/// <summary>What the kernel says of a process or a thread: /proc/…/status.</summary>
internal sealed class ProcessStatus
{
    private readonly Dictionary<string, string> _lines = [];

    private ProcessStatus(IEnumerable<string> lines)
    {
        foreach (string line in lines)
            if (line.IndexOf(':') is > 0 and var colon)
                _lines[line[..colon]] = line[(colon + 1)..].Trim();
    }

    /// <summary>Of a process; null where there is none.</summary>
    public static ProcessStatus? Of(int pid) => Read($"/proc/{pid}/status");

    /// <summary>A process by its id and its name, as far as that is told.</summary>
    public static string Describe(int pid) => $"process {pid}{(Of(pid)?.Text("Name") is { Length: > 0 } name ? $" ({name})" : "")}";

    /// <summary>Of each of its threads that is there.</summary>
    public static IEnumerable<(int Thread, ProcessStatus Status)> OfThreads(int pid)
    {
        foreach (int thread in Threads(pid))
            if (OfThread(pid, thread) is { } status)
                yield return (thread, status);
    }

    /// <summary>Of one thread.</summary>
    public static ProcessStatus? OfThread(int pid, int thread) => Read($"/proc/{pid}/task/{thread}/status");

    /// <summary>The ids of a process's threads.</summary>
    public static IEnumerable<int> Threads(int pid)
    {
        try
        {
            return Directory.GetDirectories($"/proc/{pid}/task").Select(d => int.Parse(Path.GetFileName(d), CultureInfo.InvariantCulture));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>R, S, D, T, t, Z or X.</summary>
    public char State => Text("State") is { Length: > 0 } state ? state[0] : 'X';

    public int Tracer => (int)Number("TracerPid");

    public bool IsFiltered => Number("Seccomp") != 0;

    public bool HasShadowStack => Text("x86_Thread_features").Contains("shstk", StringComparison.Ordinal);

    /// <summary>As it knows itself.</summary>
    public int OwnPid => int.TryParse(Text("NSpid").Split('\t')[^1], out int pid) ? pid : (int)Number("Pid");

    /// <summary>Addresses that it has mapped.</summary>
    public long MappedBytes => Bytes("VmSize");

    /// <summary>Memory that it keeps resident.</summary>
    public long LockedBytes => Bytes("VmLck");

    /// <summary>Effective.</summary>
    public uint User => Effective("Uid");

    /// <summary>Effective.</summary>
    public uint Group => Effective("Gid");

    /// <summary>Whether a signal waits for it that it does not block: it is about to do something else.</summary>
    public bool HasSignal => ((Mask("SigPnd") | Mask("ShdPnd")) & ~Mask("SigBlk")) != 0;

    private long Bytes(string name) => long.TryParse(Text(name).Split(' ')[0], CultureInfo.InvariantCulture, out long kiB) ? kiB << 10 : 0;

    private uint Effective(string name) => Text(name).Split('\t') is { Length: > 1 } ids && uint.TryParse(ids[1], out uint id) ? id : 0;

    private ulong Mask(string name) => ulong.TryParse(Text(name), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong mask) ? mask : 0;

    private ulong Number(string name) => ulong.TryParse(Text(name), out ulong number) ? number : 0;

    private string Text(string name) => _lines.GetValueOrDefault(name) ?? "";

    private static ProcessStatus? Read(string path)
    {
        try
        {
            return new ProcessStatus(File.ReadAllLines(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
