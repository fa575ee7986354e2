using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using AllocReplay.Cli.Output;

namespace AllocReplay.Cli.Prompt;

/// <summary>The terminal that is standard input and output, for a prompt; as it was before once it is disposed.</summary>
/// <remarks>
/// A thread of its own reads keys, from the beginning to the end of the process, and puts them into a queue; so do signals: the terminal's new size, and
/// that the process goes on. One thread takes them out, and writes. Settings of the terminal are changed under the lock of <see cref="TerminalMode"/> by
/// that thread, and by the signals that stop the process and have it go on, so that a shell has the terminal as it gave it, whoever stopped the process.
/// Keys that are struck while a statement runs wait in the queue.
/// </remarks>
internal sealed partial class PromptTerminal : ILineTerminal, IDisposable
{
    private const string PasteOn = "\e[?2004h", PasteOff = "\e[?2004l"; // what is pasted comes between marks
    private const int StopSignal = 20; // SIGTSTP

    /// <summary>For the kernel to stop the process. It does not where there is no shell to have it go on.</summary>
    private static readonly TimeSpan StopWithin = TimeSpan.FromMilliseconds(500);

    private readonly TextWriter _out;
    private readonly TerminalMode _mode;
    private readonly bool _isPlain;
    private readonly CancellationToken _token;
    private readonly BlockingCollection<Key> _keys = [];
    private readonly ManualResetEventSlim _goesOn = new();
    private readonly PosixSignalRegistration[] _signals;
    private PosixSignalRegistration _stop;

    /// <param name="terminal">Written to.</param>
    /// <param name="mode">Of the terminal.</param>
    /// <param name="isPlain">Whether it can show text alone: its settings are then left as they are.</param>
    /// <param name="token">Ends the wait for a key.</param>
    public PromptTerminal(Terminal terminal, TerminalMode mode, bool isPlain, CancellationToken token)
    {
        (_out, _mode, _isPlain, _token) = (terminal.Out, mode, isPlain, token);
        SetMode(KeyMode.Signals);
        _signals =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => _keys.Add(new Key(KeyKind.Resized))),
            PosixSignalRegistration.Create(PosixSignal.SIGCONT, _ =>
            {
                _mode.Resume();
                _goesOn.Set();
                _keys.Add(new Key(KeyKind.Resumed));
            }),
        ];
        _stop = PosixSignalRegistration.Create(PosixSignal.SIGTSTP, Stop);
        new Thread(ReadKeys) { IsBackground = true }.Start();
    }

    public int Width => FullScreen.Width;
    public int Height => FullScreen.Height;

    /// <summary>Whether it gives no more keys, without having been told so.</summary>
    public bool HasGone { get; private set; }

    public bool HasKey => _keys.Count > 0;

    /// <summary>Whether a terminal is known to show text alone.</summary>
    public static bool IsDumb => Environment.GetEnvironmentVariable("TERM") is null or "" or "dumb";

    public void Begin()
    {
        SetMode(KeyMode.Keys);
        Write(PasteOn);
    }

    public void End()
    {
        Write(PasteOff);
        SetMode(KeyMode.Signals);
    }

    public Key ReadKey() => _keys.Take(_token);

    /// <summary>A key as if it had been struck now, after which those that waited are forgotten.</summary>
    public void Interrupt(Key key)
    {
        Forget();
        _keys.Add(key);
    }

    /// <summary>Forgets keys that were struck, as the kernel does at Ctrl-C.</summary>
    public void Forget()
    {
        while (_keys.TryTake(out Key key))
        {
            if (key.Kind == KeyKind.Closed)
            {
                _keys.Add(key);
                return;
            }
        }
    }

    /// <inheritdoc/>
    /// <remarks>What is written to a terminal that has gone is lost: who waits for a key is told.</remarks>
    public void Write(string text)
    {
        try
        {
            _out.Write(text);
            _out.Flush();
        }
        catch (OutputException)
        {
        }
    }

    public void Suspend()
    {
        Write(PasteOff);
        // All of the job, as the terminal would: a shell may wait for another of its processes.
        _ = Kill(0, StopSignal);
    }

    public void Dispose()
    {
        foreach (PosixSignalRegistration signal in _signals)
            signal.Dispose();
        _stop.Dispose();
        _mode.Set(KeyMode.Given);
        // The queue and the event are left: a signal may be about to use them.
    }

    /// <summary>
    /// Stops the process once the terminal is as it was given. The runtime does not stop a process that has a handler, and SIGSTOP would stop one for good that
    /// no shell has go on: so the handler is taken away, and the kernel decides.
    /// </summary>
    private void Stop(PosixSignalContext context)
    {
        context.Cancel = true;
        _mode.Lend();
        _stop.Dispose();
        _goesOn.Reset();
        _ = Kill(Environment.ProcessId, StopSignal);
        // The signal comes to some thread, a moment later. This one is stopped with the others while it waits.
        bool hasStopped = _goesOn.Wait(StopWithin);
        _stop = PosixSignalRegistration.Create(PosixSignal.SIGTSTP, Stop);
        if (hasStopped)
            return;
        _mode.Resume();
        _keys.Add(new Key(KeyKind.Resumed));
    }

    private void SetMode(KeyMode mode)
    {
        if (!_isPlain)
            _mode.Set(mode);
    }

    private void ReadKeys()
    {
        var decoder = new KeyDecoder();
        var buffer = new byte[4096];
        for (int count = StandardInput.Read(buffer); count > 0; count = StandardInput.Read(buffer))
        {
            foreach (Key key in decoder.Feed(buffer.AsSpan(0, count)))
                _keys.Add(key);
        }
        HasGone = !_isPlain; // there, the kernel ends input at Ctrl-D
        _keys.Add(new Key(KeyKind.Closed));
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
