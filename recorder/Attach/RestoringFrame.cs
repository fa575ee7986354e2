using System.Buffers.Binary;
using System.Text;

namespace AllocReplay.Recorder.Attach;

/// <summary>
/// A call that undoes itself. On a thread's stack it puts what the kernel puts there when it calls a signal handler (struct rt_sigframe): all registers, the
/// signal mask, and the address of the code by which a handler returns. A function that is begun on top of it returns into sigreturn, and the kernel sets
/// the thread to where it was. So nobody has to wait for the function's end, nobody has to be there any more, and no code is written anywhere.
/// </summary>
internal sealed class RestoringFrame
{
    private const int SystemCallLength = 2; // 0f 05

    private const int RedZone = 128; // below the stack pointer, a function's own
    private const int ContextSize = 440 - 8, Context = 40, Mask = 296; // struct ucontext, and in it
    private const int SoftwareBytes = 464, FeaturesAt = 464; // in the legacy region, of which the kernel's register set has the features there
    private const uint Magic1 = 0x46505853, Magic2 = 0x46505845;
    private const ulong DirectionFlag = 1 << 10, TrapFlag = 1 << 8;

    private RestoringFrame(ulong address, byte[] bytes, Registers registers) => (Address, Bytes, Registers) = (address, bytes, registers);

    /// <summary>Where <see cref="Bytes"/> have to stand.</summary>
    public ulong Address { get; }

    public byte[] Bytes { get; }

    /// <summary>With which the call begins.</summary>
    public Registers Registers { get; }

    /// <param name="now">The thread's registers.</param>
    /// <param name="mask">Its signal mask.</param>
    /// <param name="extended">Its state of floating point and vectors.</param>
    /// <param name="sigreturn">Code that calls sigreturn.</param>
    /// <param name="call">What is called.</param>
    public static RestoringFrame Of(in Registers now, ulong mask, ReadOnlySpan<byte> extended, ulong sigreturn, in RemoteFunction call)
    {
        Registers after = RestingThread.Restarts(now) ? Again(now) : now;
        byte[] text = [.. Encoding.UTF8.GetBytes(call.Text), 0];
        ulong end = now.Rsp - RedZone;
        ulong textAt = end - (ulong)text.Length & ~15ul;
        ulong stateAt = textAt - (ulong)extended.Length - sizeof(uint) & ~63ul;
        ulong start = (stateAt - 8 - ContextSize & ~15ul) - 8; // as it is when a function has just been called
        byte[] bytes = new byte[end - start];
        Put(bytes, 0, sigreturn);
        Span<byte> context = bytes.AsSpan(8, ContextSize);
        Put(context, 0, 7); // UC_FP_XSTATE, UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS
        Put(context, 24, SignalFrames.NoKind); // a kind of alternative stack that there is not: then sigreturn leaves the thread's as it is
        ulong[] saved =
        [
            after.R8, after.R9, after.R10, after.R11, after.R12, after.R13, after.R14, after.R15, after.Rdi, after.Rsi, after.Rbp, after.Rbx,
            after.Rdx, after.Rax, after.Rcx, after.Rsp, after.Rip, after.Eflags, after.Cs | after.Ss << 48,
        ];
        for (int i = 0; i < saved.Length; i++)
            Put(context, Context + 8 * i, saved[i]);
        Put(context, Context + 184, stateAt);
        Put(context, Mask, mask);
        Span<byte> state = bytes.AsSpan((int)(stateAt - start));
        extended.CopyTo(state);
        ulong features = BinaryPrimitives.ReadUInt64LittleEndian(extended[FeaturesAt..]);
        Put32(state, SoftwareBytes, Magic1);
        Put32(state, SoftwareBytes + 4, (uint)extended.Length + sizeof(uint));
        Put(state, SoftwareBytes + 8, features);
        Put32(state, SoftwareBytes + 16, (uint)extended.Length);
        state.Slice(SoftwareBytes + 20, 28).Clear();
        Put32(state, extended.Length, Magic2);
        text.CopyTo(bytes.AsSpan((int)(textAt - start)));
        Registers registers = now;
        registers.Rip = call.Address;
        registers.Rsp = start;
        registers.Rdi = textAt;
        registers.Rsi = call.Mode;
        registers.Rax = 0;
        registers.Eflags = now.Eflags & ~(DirectionFlag | TrapFlag);
        registers.OrigRax = ulong.MaxValue; // in no system call: the kernel begins none again
        return new RestoringFrame(start, bytes, registers);
    }

    /// <summary>Registers with which the system call that a thread was interrupted in is begun again.</summary>
    public static Registers Again(in Registers now)
    {
        Registers again = now;
        again.Rax = now.OrigRax;
        again.Rip = now.Rip - SystemCallLength;
        again.OrigRax = ulong.MaxValue;
        return again;
    }

    private static void Put(Span<byte> to, int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(to[at..], value);

    private static void Put32(Span<byte> to, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(to[at..], value);
}

/// <summary>A function of another process, and what it is called with.</summary>
/// <param name="Address">Of its code.</param>
/// <param name="Text">Its first argument.</param>
/// <param name="Mode">Its second.</param>
internal readonly record struct RemoteFunction(ulong Address, string Text, ulong Mode);
