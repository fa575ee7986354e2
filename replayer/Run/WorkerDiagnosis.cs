using System.Globalization;

namespace AllocReplay.Replayer.Run;

/// <summary>Tells from how a worker ended what became of its run.</summary>
/// <param name="Configuration">What it ran under.</param>
/// <param name="Hook">The library of its hook, or null.</param>
/// <param name="End">How it ended.</param>
/// <param name="Said">What it wrote.</param>
/// <param name="Done">The fraction of the calls that it had made; null when it had not begun.</param>
internal sealed record WorkerDiagnosis(Configuration Configuration, string? Hook, ProcessEnd End, string Said, double? Done)
{
    private const int Kill = 9, LoaderFailed = 127;

    /// <summary>The time after which it was killed for not having ended; null where it was not.</summary>
    public TimeSpan? HungAfter { get; init; }

    /// <summary>Whether the kernel killed a process for want of memory meanwhile.</summary>
    public bool WasOomKilled { get; init; }

    /// <summary>
    /// What had been found wrong with blocks until then, of each kind how often: an allocator that gives wrong blocks rarely lets a process live long.
    /// </summary>
    public IReadOnlyList<(BlockFaultKind Kind, long Count)> Faults { get; init; } = [];

    /// <summary>What became of the run.</summary>
    public ReplayException Failure()
    {
        string under = Configuration.Label;
        string last = Lines.Length > 0 && HungAfter is null ? $": {Lines[^1]}" : "";
        if (HungAfter is { } time)
        {
            string after = string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.0} s");
            return Is(FailureKind.Hung, null, Done is null
                ? $"the worker under {under} had not begun to replay after {after}, and was killed: a library that is preloaded does not let it start"
                : $"the worker under {under} had not ended after {after}, {DoneText}, and was killed");
        }
        if (End.IsSignal)
        {
            return End.Code == Kill && WasOomKilled
                ? Is(FailureKind.OutOfMemory, null, $"the kernel killed the worker under {under}, {DoneText}, for want of memory")
                : Is(FailureKind.Crashed, End.Code, $"the worker was killed by {SignalName(End.Code)} under {under}, {DoneText}{last}");
        }
        return End.Code switch
        {
            LoaderFailed when Lines.FirstOrDefault(IsOfLoader) is { } line => Is(FailureKind.CannotPreload, null,
                $"{under}: a library that is preloaded does not load: {AfterProgram(line)}"),
            WorkerExit.HookNotLoaded => Is(FailureKind.CannotPreload, null, $"{under}: {NotLoaded(Hook!, Said) ?? $"{Hook} was not loaded"}"),
            WorkerExit.NoMemory => Is(FailureKind.OutOfMemory, null, $"the worker under {under} had too little memory{last}"),
            WorkerExit.NoAllocator => Is(FailureKind.WrongAllocator, null, $"{under}: no library can be replayed under{last}"),
            WorkerExit.HookNeedsMore => Is(FailureKind.CannotRun, null, $"{under}: the hook cannot see this allocator's calls{last}"),
            WorkerExit.Failed when last.Length > 0 => Is(FailureKind.CannotRun, null, $"the worker failed under {under}{last}"),
            var code => Is(FailureKind.Exited, code,
                $"the worker ended itself under {under}, with exit code {code}, {DoneText}, before the replay was over{last}"),
        };
    }

    /// <summary>Why a library was not loaded, as the dynamic linker says; null where it says nothing of it.</summary>
    /// <param name="library">The library.</param>
    /// <param name="said">What the process wrote.</param>
    public static string? NotLoaded(string library, string said)
    {
        // ERROR: ld.so: object '/path/lib.so' from LD_PRELOAD cannot be preloaded (invalid ELF header): ignored.
        string? line = said.Split('\n').FirstOrDefault(l =>
            l.Contains("cannot be preloaded", StringComparison.Ordinal) && l.Contains($"'{library}'", StringComparison.Ordinal));
        if (line is null)
            return null;
        int open = line.IndexOf('(', line.IndexOf("cannot be preloaded", StringComparison.Ordinal)), close = line.LastIndexOf(')');
        return $"{library} cannot be preloaded" + (open >= 0 && close > open ? $": {line[(open + 1)..close]}" : "");
    }

    private string[] Lines => Said.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private string DoneText =>
        (Done is { } done ? string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(done * 100):0} % done") : "before it began to replay")
        + (Faults.Count > 0 ? $", with wrong blocks found ({string.Join(", ", Faults.Select(Text))})" : "");

    private static string Text((BlockFaultKind Kind, long Count) fault) => FormattableString.Invariant($"{fault.Count:N0} {FaultName(fault.Kind)}");

    private static string FaultName(BlockFaultKind kind) => kind switch
    {
        BlockFaultKind.Overlap => "overlapping",
        BlockFaultKind.Misaligned => "misaligned",
        BlockFaultKind.DirtyCalloc => "of calloc not zeroed",
        BlockFaultKind.ReallocLostData => "without their data after realloc",
        BlockFaultKind.Corrupted => "changed",
        _ => "not given",
    };

    private static ReplayException Is(FailureKind kind, int? code, string message) => new(new RunFailure(kind, code), message);

    private static bool IsOfLoader(string line) =>
        line.Contains("symbol lookup error", StringComparison.Ordinal) || line.Contains("error while loading shared libraries", StringComparison.Ordinal);

    /// <summary>The program's own name stands first, and says nothing.</summary>
    private static string AfterProgram(string line) => line[(line.IndexOf(": ", StringComparison.Ordinal) + 2)..];

    private static string SignalName(int signal) => signal switch
    {
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        15 => "SIGTERM",
        31 => "SIGSYS",
        _ => $"signal {signal}",
    };
}
