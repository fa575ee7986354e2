using System.Runtime.InteropServices;

namespace AllocReplay.Recorder.Attach;

/// <summary>struct user_regs_struct of x86-64.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Registers
{
    public ulong R15, R14, R13, R12, Rbp, Rbx, R11, R10, R9, R8, Rax, Rcx, Rdx, Rsi, Rdi, OrigRax, Rip, Cs, Eflags, Rsp, Ss, FsBase, GsBase, Ds, Es, Fs, Gs;
}

/// <summary>ptrace(2), of which the kernel takes all calls on one thread from the thread that began: <see cref="StoppedThread"/>.</summary>
internal static unsafe partial class Ptrace
{
    public const int Seize = 0x4206, Interrupt = 0x4207, Detach = 17;
    public const int EventStop = 128, Trap = 5;

    private const int GetRegisters = 12, SetRegisters = 13, GetRegisterSet = 0x4204, GetSignalMask = 0x420a, SetSignalMask = 0x420b;
    private const int ExtendedState = 0x202; // NT_X86_XSTATE
    private const int All = 0x40000000, NoHang = 1; // __WALL, WNOHANG

    [LibraryImport("libc", EntryPoint = "ptrace", SetLastError = true)]
    private static partial nint Call(long request, nint thread, nint address, nint data);

    [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    private static partial int WaitPid(int thread, int* status, int options);

    [LibraryImport("libc", EntryPoint = "setpriority")]
    private static partial int SetPriority(int which, uint who, int niceness);

    /// <summary>Where we may, this thread comes before others: it works little, and somebody is held meanwhile.</summary>
    public static void Hurry() => _ = SetPriority(0, 0, -20);

    /// <returns>Whether it is done; if not, errno is the last error.</returns>
    public static bool Ask(int request, int thread, nint data = 0) => Call(request, thread, 0, data) == 0;

    public static bool Read(int thread, out Registers registers)
    {
        fixed (Registers* to = &registers)
            return Call(GetRegisters, thread, 0, (nint)to) == 0;
    }

    public static bool Write(int thread, in Registers registers)
    {
        fixed (Registers* from = &registers)
            return Call(SetRegisters, thread, 0, (nint)from) == 0;
    }

    /// <summary>The mask to which the thread returns, not one that a system call has set for its own time.</summary>
    public static bool ReadSignalMask(int thread, out ulong mask)
    {
        fixed (ulong* to = &mask)
            return Call(GetSignalMask, thread, sizeof(ulong), (nint)to) == 0;
    }

    /// <summary>Sets it, and has the kernel forget the one that a system call has set for its own time.</summary>
    public static bool WriteSignalMask(int thread, ulong mask) => Call(SetSignalMask, thread, sizeof(ulong), (nint)(&mask)) == 0;

    /// <summary>All state of floating point and vectors, as XSAVE lays it out.</summary>
    /// <returns>Bytes; 0: it cannot be read.</returns>
    public static int ReadExtendedState(int thread, Span<byte> to)
    {
        fixed (byte* start = to)
        {
            nint* vector = stackalloc nint[2] { (nint)start, to.Length };
            return Call(GetRegisterSet, thread, ExtendedState, (nint)vector) == 0 ? (int)vector[1] : 0;
        }
    }

    /// <summary>Whether the thread has stopped, and why, as waitpid(2) tells it; 0: it has not.</summary>
    public static int HasStopped(int thread)
    {
        int status = 0;
        return WaitPid(thread, &status, All | NoHang) == thread ? status : 0;
    }
}
