using System.Globalization;
using System.Runtime.InteropServices;

namespace AllocReplay.Cli.Options;

/// <summary>
/// What ends a command before it is done: Ctrl-C, or being asked to end, or its terminal going. The signal then only cancels, so that the
/// work clears up; one that the caller has the command ignore, as nohup(1) does, is left ignored.
/// </summary>
internal sealed class Interruption : IDisposable
{
    private const int HangUp = 1, Interrupt = 2, Quit = 3, Terminate = 15;

    private static readonly (PosixSignal Signal, int Number)[] Signals =
        [(PosixSignal.SIGHUP, HangUp), (PosixSignal.SIGINT, Interrupt), (PosixSignal.SIGQUIT, Quit), (PosixSignal.SIGTERM, Terminate)];

    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _registrations;

    public Interruption()
    {
        ulong ignored = Ignored();
        _registrations = [.. Signals.Where(s => (ignored & 1ul << s.Number - 1) == 0).Select(s => PosixSignalRegistration.Create(s.Signal, context =>
        {
            context.Cancel = true;
            if (s.Number == Interrupt && Interrupting is { } instead)
            {
                instead();
                return;
            }
            ExitCode = CodeOf(s.Number);
            _source.Cancel();
        }))];
    }

    public CancellationToken Token => _source.Token;

    /// <summary>What Ctrl-C does in place of ending the command, where it is not null. On a thread of its own, at any time: it must not throw.</summary>
    public Action? Interrupting { get; set; }

    /// <summary>The code to exit with, once the token is cancelled.</summary>
    public int ExitCode { get; private set; } = Cli.ExitCode.Interrupted;

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
            registration.Dispose();
        // The source is left: a signal may be about to cancel it.
    }

    private static int CodeOf(int signal) => signal switch
    {
        HangUp => Cli.ExitCode.HungUp,
        Quit => Cli.ExitCode.Quit,
        _ => Cli.ExitCode.Interrupted,
    };

    /// <summary>The signals that are ignored, signal 1 being the lowest bit: the runtime would take them over.</summary>
    private static ulong Ignored()
    {
        const string name = "SigIgn:";
        string? line = File.ReadLines("/proc/self/status").FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal));
        return ulong.TryParse(line.AsSpan()[Math.Min(name.Length, line?.Length ?? 0)..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture,
            out ulong mask) ? mask : 0;
    }
}

/// <summary>The work was cancelled when something was there already.</summary>
/// <param name="left">What is there, as a phrase.</param>
internal sealed class InterruptedException(string left) : OperationCanceledException
{
    public string Left { get; } = left;
}
