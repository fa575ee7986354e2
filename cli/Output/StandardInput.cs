using System.Runtime.InteropServices;

namespace AllocReplay.Cli.Output;

/// <summary>Standard input by read(2): the runtime's console stream edits lines of its own.</summary>
internal static partial class StandardInput
{
    internal const int Descriptor = 0;

    private const int Interrupted = 4, WouldBlock = 11; // errno

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
                PollDescriptor.Wait(Descriptor, PollDescriptor.Readable);
            else if (error != Interrupted)
                return 0;
        }
    }

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint NativeRead(int descriptor, ref byte buffer, nuint count);
}
