using System.Runtime.InteropServices;

namespace AllocReplay.Cli.Output;

/// <summary>Standard input by read(2): the runtime's console stream edits lines of its own.</summary>
internal static partial class StandardInput
{
    internal const int Descriptor = 0;

    private const int Interrupted = 4, WouldBlock = 11; // errno
    private const short Readable = 1; // POLLIN

    /// <summary>Waits for bytes.</summary>
    /// <returns>How many there are; 0 where there are no more, or where it cannot be read, as of a terminal that has gone.</returns>
    public static int Read(Span<byte> buffer)
    {
        while (true)
        {
            nint read = NativeRead(Descriptor, ref MemoryMarshal.GetReference(buffer), (nuint)buffer.Length);
            if (read >= 0)
                return (int)read;
            int error = Marshal.GetLastPInvokeError();
            if (error == WouldBlock)
                Poll([new PollDescriptor { Descriptor = Descriptor, Events = Readable }], 1, timeout: -1);
            else if (error != Interrupted)
                return 0;
        }
    }

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint NativeRead(int descriptor, ref byte buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "poll")]
    private static partial int Poll([In] PollDescriptor[] descriptors, nuint count, int timeout);
}
