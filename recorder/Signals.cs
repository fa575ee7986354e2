using System.Runtime.InteropServices;

namespace AllocReplay.Recorder;

/// <summary>Signals to processes, by system call: a minimal system has no <c>kill</c> program.</summary>
internal static partial class Signals
{
    public const int HangUp = 1, Interrupt = 2, Terminate = 15;

    private const int NotPermitted = 1; // EPERM

    /// <summary>Sends a signal; to a process that has ended, none.</summary>
    public static void Send(int pid, int signal) => _ = Kill(pid, signal);

    /// <summary>Whether there is such a process, be it another user's, or one that has ended and was not waited for.</summary>
    public static bool Reach(int pid) => Kill(pid, 0) == 0 || Marshal.GetLastPInvokeError() == NotPermitted;

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int pid, int signal);
}
