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

    /// <summary>Whether what is written there would be read by nobody.</summary>
    public static bool IsClosed(int descriptor)
    {
        const short error = 8, hungUp = 16; // POLLERR, POLLHUP
        PollDescriptor[] one = [new PollDescriptor { Descriptor = descriptor }];
        return Poll(one, 1, timeout: 0) > 0 && (one[0].Returned & (error | hungUp)) != 0;
    }

    [LibraryImport("libc", EntryPoint = "poll")]
    private static partial int Poll([In, Out] PollDescriptor[] descriptors, nuint count, int timeout);
}
