using System.Runtime.InteropServices;
using AllocReplay.Tests.Support;

[assembly: AssemblyFixture(typeof(ProcessBan))]

namespace AllocReplay.Tests.Support;

/// <summary>
/// In a fast run the kernel refuses execve to the whole test process, whoever asks, with EPERM: a test that starts a process fails, so that
/// what is not marked by <see cref="StartsProcessesAttribute"/> starts none. Without seccomp the run is only not watched.
/// </summary>
public sealed unsafe partial class ProcessBan
{
    /// <summary>The environment variable by which a run is told that it is a fast one, and what it is then.</summary>
    internal const string Variable = "ALLOCREPLAY_TESTS", Fast = "fast";

    private const int NoNewPrivileges = 38, SetModeFilter = 1, AllThreads = 1, OperationNotPermitted = 1;
    private const ushort LoadWord = 0x20, JumpIfEqual = 0x15, Return = 0x06;
    private const uint Allow = 0x7fff0000, Refuse = 0x00050000 | OperationNotPermitted;

    public ProcessBan()
    {
        if (Environment.GetEnvironmentVariable(Variable) == Fast)
            Forbid();
    }

    private static void Forbid()
    {
        (int seccomp, uint execve, uint execveat) = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? (277, 221u, 281u) : (317, 59u, 322u);
        Instruction* filter = stackalloc Instruction[]
        {
            new(LoadWord, 0, 0, 0), // the number of the system call
            new(JumpIfEqual, 2, 0, execve),
            new(JumpIfEqual, 1, 0, execveat),
            new(Return, 0, 0, Allow),
            new(Return, 0, 0, Refuse),
        };
        var program = new FilterProgram { Length = 5, Filter = filter };
        _ = Prctl(NoNewPrivileges, 1, 0, 0, 0);
        if (Syscall(seccomp, SetModeFilter, AllThreads, &program) != 0)
            TestContext.Current.SendDiagnosticMessage("no seccomp here: a test that starts a process unmarked is not noticed");
    }

    private readonly record struct Instruction(ushort Code, byte IfTrue, byte IfFalse, uint Operand);

    private struct FilterProgram
    {
        public ushort Length;
        public Instruction* Filter;
    }

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int Prctl(int option, nuint a, nuint b, nuint c, nuint d);

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial nint Syscall(nint number, nuint operation, nuint flags, void* program);
}
