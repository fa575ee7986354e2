using System.Diagnostics;
using AllocReplay.Formats.Recording;
using AllocReplay.Recorder.Arena;

namespace AllocReplay.Recorder.Attach;

/// <summary>How an attached program's recording came to its end.</summary>
public enum AttachEnd
{
    /// <summary>The program has ended.</summary>
    ProgramEnded,
    /// <summary>Another program has taken its place, by exec, which is not recorded.</summary>
    Replaced,
    /// <summary>The recorder was detached, by another command.</summary>
    Detached,
    /// <summary>The caller wants no more.</summary>
    Cancelled,
}

/// <summary>A program that ran already, and is recorded from a moment on: docs/design/attach.md.</summary>
public sealed unsafe class Attachment : IDisposable
{
    /// <summary>How long a thread is looked for that can open a library, and how long that may take.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(50), MapEvery = TimeSpan.FromSeconds(1);

    private readonly int _pid;
    private readonly string _directory;
    private readonly RecordSession _session;
    private readonly SharedArena _arena;
    private ImageSlot* _slot;
    private uint _number;

    private Attachment(int pid, string directory, RecordSession session, SharedArena arena) =>
        (_pid, _directory, _session, _arena) = (pid, directory, session, arena);

    /// <summary>How long threads of the program were held, in all.</summary>
    public TimeSpan Held { get; private set; }

    /// <summary>How long it took from the first look at the program to its first event.</summary>
    public TimeSpan Took { get; private set; }

    /// <summary>What is not recorded, though the rest is; null: nothing that is known.</summary>
    public string? Warning { get; private set; }

    /// <summary>The command of a process that runs, for <see cref="RecordOptions.Command"/>; empty when there is no such process.</summary>
    public static IReadOnlyList<string> CommandOf(int pid)
    {
        try
        {
            return File.ReadAllText($"{RunningThreads.DirectoryOf(pid)}/cmdline").TrimEnd('\0').Split('\0');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Attaches to a process, and records it from now on.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="options">What to record, and where.</param>
    /// <param name="cancel">Ends the search for a moment at which it can be.</param>
    /// <exception cref="ControlException">It cannot be attached to, and why; it goes on as before.</exception>
    /// <exception cref="OperationCanceledException">The caller wants no more; it goes on as before.</exception>
    /// <exception cref="RecordException">The recording cannot be created.</exception>
    public static Attachment Begin(int pid, RecordOptions options, CancellationToken cancel = default)
    {
        long began = Stopwatch.GetTimestamp();
        using TargetProgram program = TargetProgram.Open(pid, options.Detours);
        using var alone = new ProcessLock(pid, cancel);
        HookInside? hook = program.Hook();
        if (WhyTaken(pid, hook) is { } taken)
            throw new ControlException($"pid {pid}: {taken}");
        RemoteCall call = program.NewCall();
        string directory = Path.GetFullPath(options.Output);
        RecordSession session = BeginSession(options, cancel);
        SharedArena? arena = null;
        try
        {
            arena = SharedArena.Open(directory) ?? throw new ControlException($"{directory}: its shared memory is gone");
            // In its own view of the file system; a library may not be loaded from everywhere, and the second time none is.
            using DirectoryInside there = DirectoryInside.Make(program, isForCode: hook is null);
            using var handover = Handover.In(there, program, arena);
            string[] settings = [.. session.Environment.Select(s => s.StartsWith(ArenaVariable, StringComparison.Ordinal) ? ArenaVariable + handover.Path : s)];
            var attachment = new Attachment(pid, directory, session, arena);
            if (hook is null)
                call.Begin(program.Open(HookCopy.Put(there, program, options.HookPath, settings)), Patience, cancel);
            else if (hook.Tell(settings))
                call.Begin(hook.Attach, Patience, cancel);
            else
                throw new ControlException($"pid {pid}: the recorder that is loaded in it cannot be told what to do");
            attachment.WaitForImage(program, call, handover);
            if (options.Detours)
                attachment.PutDetours(program);
            session.Started(pid);
            (attachment.Held, attachment.Took) = (attachment.Held + call.Held, Stopwatch.GetElapsedTime(began));
            return attachment;
        }
        catch
        {
            arena?.Dispose();
            session.Abandon();
            throw;
        }
    }

    /// <summary>A Ctrl-C of the terminal may end the process that writes the recording before it has made itself deaf to that.</summary>
    private static RecordSession BeginSession(RecordOptions options, CancellationToken cancel)
    {
        try
        {
            return RecordSession.Begin(options);
        }
        catch (RecordException) when (cancel.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancel);
        }
    }

    /// <summary>Why a process cannot be attached to now, as far as can be told without stopping it.</summary>
    /// <param name="pid">The process.</param>
    /// <returns>Null: it seems that it can.</returns>
    public static string? WhyNot(int pid)
    {
        try
        {
            using TargetProgram program = TargetProgram.Open(pid);
            HookInside? hook = program.Hook();
            return WhyTaken(pid, hook) ?? DirectoryInside.WhyNowhere(program, isForCode: hook is null) ?? Joined(OpeningObstacles.Of(program));
        }
        catch (ControlException e)
        {
            return e.Message.Replace($"pid {pid}: ", "", StringComparison.Ordinal).Replace("cannot be attached to: ", "", StringComparison.Ordinal);
        }
    }

    private static string? Joined(IEnumerable<string> reasons) => string.Join("; ", reasons) is { Length: > 0 } all ? all : null;

    private static string? WhyTaken(int pid, HookInside? hook) =>
        SharedArena.SessionOf(RunningThreads.DirectoryOf(pid)) is { } other ? $"is recorded already, into {other}"
        : hook is { State: LateState.Attached } ? "is recorded already, by somebody who sees other files than this command, as in another container"
        : hook is { State: not LateState.Detached } ? "has the recorder loaded already: it was started with it" : null;

    private const string ArenaVariable = "ALLOCREPLAY_ARENA=";

    /// <summary>Gives the program what it asks for, and waits until it records.</summary>
    private void WaitForImage(TargetProgram program, RemoteCall call, Handover handover)
    {
        long began = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(began) < Patience)
        {
            handover.Serve();
            for (uint i = 0; i < _arena.ImageCount; i++)
            {
                if (Volatile.Read(ref _arena.Image(i)->State) != ArenaWire.ImageLive)
                    continue;
                _slot = _arena.Image(i);
                _number = _slot->Number;
                return;
            }
            if (!Directory.Exists($"/proc/{_pid}"))
                throw new ControlException($"pid {_pid}: ended while it was attached to");
            // It is back where it was: it has done what it could.
            if (RestingThread.Of(_pid, call.Caller.Thread) == call.Caller)
            {
                if (program.Hook() is not { } hook)
                {
                    throw new ControlException($"pid {_pid}: its loader did not open the recorder's library: "
                        + (Joined(OpeningObstacles.Of(program)) ?? "as where no thread-local storage is left for libraries that are opened late "
                            + "(GLIBC_TUNABLES=glibc.rtld.optional_static_tls=2048 at its start makes room), or no memory"));
                }
                if (Volatile.Read(ref _arena.Header->ImageNumbers) == 0 && hook.State != LateState.Attached)
                {
                    throw new ControlException($"pid {_pid}: did not get the recording's shared memory through {handover.Path}: {hook.ArenaError}"
                        + (Joined(OpeningObstacles.Of(program)) is { } why ? $"; {why}" : ""));
                }
            }
            Thread.Sleep(1);
        }
        throw new ControlException($"pid {_pid}: did not begin to record within {Patience.TotalSeconds} s; it goes on, and may begin yet");
    }

    private const string NoDetours = "it forbids itself to make code (PR_SET_MDWE, MemoryDenyWriteExecute= of systemd), there is no room near it, or they "
        + "begin in ways that cannot be moved";

    /// <summary>
    /// Where the program has an allocator linked in, whose calls do not leave it, its code is changed. Where that cannot be, the recording says so.
    /// </summary>
    private void PutDetours(TargetProgram program)
    {
        if (program.Hook()?.Detours() is not { Length: > 0 } list)
        {
            if ((Volatile.Read(ref _slot->Process.Flags) & (Wire.FlagLinked | Wire.FlagLinkedPartly)) == Wire.FlagLinkedPartly)
                Warning = $"its functions cannot be led elsewhere: {NoDetours}";
            return;
        }
        var detours = new Detours(program, list);
        bool isWhole = false;
        try
        {
            isWhole = detours.Put(inPlace: true);
        }
        catch (ControlException e)
        {
            Warning = e.Message;
        }
        Interlocked.Or(ref _slot->Process.Flags, Warning is null ? isWhole ? Wire.FlagLinked : Wire.FlagLinked | Wire.FlagLinkedPartly : Wire.FlagLinkedPartly);
        Held += detours.Held;
    }

    /// <summary>Waits until nothing more is to come.</summary>
    public AttachEnd Wait(CancellationToken cancel)
    {
        long looked = Stopwatch.GetTimestamp();
        while (!cancel.WaitHandle.WaitOne(LookEvery))
        {
            if (WasDetached)
                return AttachEnd.Detached;
            if (Volatile.Read(ref _slot->State) != ArenaWire.ImageLive || _slot->Number != _number)
                return AttachEnd.ProgramEnded;
            if (Stopwatch.GetElapsedTime(looked) < MapEvery)
                continue;
            looked = Stopwatch.GetTimestamp();
            if (!IsMapped())
            {
                if (WasDetached)
                    return AttachEnd.Detached;
                // By exec: what the process was is no more, and the drain sees a process that runs.
                Volatile.Write(ref _slot->Left, 1);
                return AttachEnd.Replaced;
            }
        }
        return AttachEnd.Cancelled;
    }

    private bool IsMapped()
    {
        try
        {
            string[] lines = File.ReadAllLines($"{RunningThreads.DirectoryOf(_pid)}/maps");
            // One that ends has none any more, nor has a thread: that it has become another program is told by other mappings alone.
            return lines.Length == 0 || lines.Any(l => l.Contains(_arena.MapName, StringComparison.Ordinal));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return true; // it is ending, which is seen otherwise
        }
    }

    /// <summary>Stops recording, and takes the recorder out of the program's way.</summary>
    /// <param name="cancel">Ends the search for a moment at which it can be.</param>
    /// <exception cref="ControlException">It stays: but nothing is recorded.</exception>
    /// <exception cref="OperationCanceledException">As above: the caller wants to wait no more.</exception>
    public void Detach(CancellationToken cancel = default)
    {
        _session.Stop();
        Held += Detachment.Of(_pid, _directory, cancel);
    }

    /// <summary>Whether the program has ended: nobody can detach from it then, nor need they.</summary>
    public bool HasEnded => RunningThreads.HasEnded(_pid);

    /// <summary>Whether it sees other files than we do, by a namespace of mounts or a root of its own.</summary>
    public bool HasOwnFiles
    {
        get
        {
            string process = RunningThreads.DirectoryOf(_pid);
            return LinkOf($"{process}/ns/mnt") != LinkOf("/proc/self/ns/mnt") || LinkOf($"{process}/root") != LinkOf("/proc/self/root");
        }
    }

    private static string? LinkOf(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Whether another command has detached from it.</summary>
    public bool WasDetached => Volatile.Read(ref _slot->Left) != 0;

    /// <summary>Stops what is recorded, while the program goes on with the recorder in it.</summary>
    public void Stop() => _session.Stop();

    /// <summary>All that was recorded is on disk after this.</summary>
    /// <exception cref="ControlException">It is not.</exception>
    public void Complete() => _session.Close(0, null); // who goes on, or has ended for others to know how, does not write it any more

    /// <summary>Closes what is open.</summary>
    public void Dispose() => _arena.Dispose();
}
