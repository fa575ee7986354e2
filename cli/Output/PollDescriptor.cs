using System.Runtime.InteropServices;

namespace AllocReplay.Cli.Output;

/// <summary>struct pollfd of poll(2), and the wait for one.</summary>
internal partial struct PollDescriptor
{
    /// <summary>There is something to read, or room to write.</summary>
    public const short Readable = 1, Writable = 4; // POLLIN, POLLOUT

    public int Descriptor;
    public short Events;
    public short Returned;

    /// <summary>Waits until it may be tried again, or a signal has come.</summary>
    public static void Wait(int descriptor, short events) =>
        _ = Poll([new PollDescriptor { Descriptor = descriptor, Events = events }], 1, timeout: -1);

    [LibraryImport("libc", EntryPoint = "poll")]
    private static partial int Poll([In] PollDescriptor[] descriptors, nuint count, int timeout);
}
