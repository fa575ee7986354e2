using System.Globalization;

namespace AllocReplay.Recorder.Attach;

/// <summary>A thread that waits in a system call in which it holds no lock of the allocator's or the loader's, as it seems from outside.</summary>
/// <param name="Thread">Its id.</param>
/// <param name="Call">The system call's number.</param>
/// <param name="StackPointer">Its stack pointer.</param>
/// <param name="Counter">The instruction behind the call.</param>
internal readonly record struct RestingThread(int Thread, int Call, ulong StackPointer, ulong Counter)
{
    private const int Futex = 202, FutexCommand = 0x7f, FutexWait = 0, Contended = 2;

    /// <summary>
    /// System calls that only wait, of x86-64: none of them changes memory, and all may be begun again. So nothing is half done where a thread is in one; what
    /// the C library's allocator and loader call when they hold a lock (mmap, munmap, mprotect, brk, open, fstat) is not among them, but for the futex.
    /// Those of the second half end early when their thread is stopped, which nobody asked for, and so are begun again by us.
    /// </summary>
    private static readonly HashSet<int> Waits =
    [
        0 /* read */, 7 /* poll */, 23 /* select */, 34 /* pause */, 35 /* nanosleep */, 43 /* accept */, 45 /* recvfrom */, 47 /* recvmsg */, 61 /* wait4 */,
        73 /* flock */, 130 /* rt_sigsuspend */, Futex, 230 /* clock_nanosleep */, 247 /* waitid */, 270 /* pselect6 */, 271 /* ppoll */, 288 /* accept4 */,
        299 /* recvmmsg */,
    ];

    private static readonly HashSet<int> EndEarly =
    [
        65 /* semop */, 128 /* rt_sigtimedwait */, 208 /* io_getevents */, 220 /* semtimedop */, 232 /* epoll_wait */, 281 /* epoll_pwait */,
        441 /* epoll_pwait2 */,
    ];

    private const string BegunAgain = "219"; // restart_syscall
    private const int Interrupted = 4; // EINTR
    private const int RestartSystem = 512, RestartNoInterrupt = 513, RestartNoHandler = 514, RestartBlock = 516; // of the kernel's own

    /// <summary>Whether the call ends early when its thread is stopped, and whoever has stopped it is killed before he has begun it again.</summary>
    public bool EndsEarly => EndEarly.Contains(Call);

    /// <summary>
    /// Whether a thread waits in a call that the kernel has begun again after a stop: it keeps for itself what is left to wait, and forgets it when a thread
    /// returns as from a signal.
    /// </summary>
    public static bool IsBegunAgain(int pid, int thread) => WordsOf(pid, thread) is [var call, ..] && call == BegunAgain;

    /// <summary>A thread of a process; null where it does not rest.</summary>
    public static RestingThread? Of(int pid, int thread)
    {
        string[] words = WordsOf(pid, thread);
        return words.Length == 9 && int.TryParse(words[0], CultureInfo.InvariantCulture, out int call)
            ? Of(thread, call, Hex(words[2]), Hex(words[3]), Hex(words[7]), Hex(words[8])) : null;
    }

    /// <summary>A thread that has been stopped, which may be elsewhere by then; null where it does not rest, or its call has a result.</summary>
    public static RestingThread? Of(int thread, in Registers registers) => registers.OrigRax < int.MaxValue && Restarts(registers)
        ? Of(thread, (int)registers.OrigRax, registers.Rsi, registers.Rdx, registers.Rsp, registers.Rip) : null;

    /// <summary>Whether a call was interrupted by us, and is to be begun again.</summary>
    public static bool Restarts(in Registers registers) => -(long)registers.Rax is var error
        && (error is RestartSystem or RestartNoInterrupt or RestartNoHandler or RestartBlock || EndedEarly(registers));

    /// <summary>
    /// Whether the kernel would not begin it again by itself. Of sockets that have a time-out (SO_RCVTIMEO), reading and accepting end early, too. Who is
    /// interrupted by a signal is not seen here with this error: its handler runs first, and then the thread is in no system call any more.
    /// </summary>
    public static bool EndedEarly(in Registers registers) =>
        -(long)registers.Rax == Interrupted && registers.OrigRax < int.MaxValue && IsWait((int)registers.OrigRax);

    private static RestingThread? Of(int thread, int call, ulong second, ulong third, ulong stackPointer, ulong counter)
    {
        if (!IsWait(call))
            return null;
        // Who waits for a mutex, or for the allocator's lock, does so by this value; it may hold another. Condition variables, joins and semaphores do not.
        return call == Futex && (second & FutexCommand) == FutexWait && (uint)third == Contended ? null
            : new RestingThread(thread, call, stackPointer, counter);
    }

    /// <summary>"running", or the number, six arguments, the stack pointer and the program counter; empty when it has ended.</summary>
    private static string[] WordsOf(int pid, int thread)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/task/{thread}/syscall").Split(' ', StringSplitOptions.TrimEntries);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static bool IsWait(int call) => Waits.Contains(call) || EndEarly.Contains(call);

    private static ulong Hex(string word) => ulong.Parse(word.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
