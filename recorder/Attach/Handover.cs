using System.Runtime.InteropServices;
using System.Text;
using AllocReplay.Recorder.Arena;

namespace AllocReplay.Recorder.Attach;

/// <summary>
/// Hands a process the descriptor of a recording's shared memory, over a socket in a directory that it sees: recorder/core/handover.c is the other
/// end. So the memory needs no name that the process knows, and no rights but its owner's.
/// </summary>
/// <remarks>
/// A socket with a name in the file system is reached from any namespace of networks. Who connects is told by the kernel, by the process id of our
/// namespace: it is the process, or gets nothing, so that it does not matter who else can reach the socket.
/// </remarks>
internal sealed unsafe partial class Handover : IDisposable
{
    private const string Name = "arena";
    private const int Family = 1, Stream = 1, NonBlocking = 0x800; // AF_UNIX, SOCK_STREAM, SOCK_NONBLOCK
    private const int SocketLevel = 1, PeerCredentials = 17, Rights = 1; // SOL_SOCKET, SO_PEERCRED, SCM_RIGHTS
    private const int NoSignal = 0x4000, DoNotWait = 0x40; // MSG_NOSIGNAL, MSG_DONTWAIT
    private const int NameMax = 108, Waiting = 16;

    private readonly TargetProgram _program;
    private readonly int _descriptor;
    private int _socket;

    private Handover(TargetProgram program, int descriptor, int socket, string path) =>
        (_program, _descriptor, _socket, Path) = (program, descriptor, socket, path);

    /// <summary>Of the socket, as the process sees it.</summary>
    public string Path { get; }

    /// <summary>Listens in a directory, from which it goes with that.</summary>
    /// <exception cref="ControlException">It cannot.</exception>
    public static Handover In(DirectoryInside directory, TargetProgram program, SharedArena arena)
    {
        int socket = NewSocket(Family, Stream | NonBlocking | Libc.CloseOnExec, 0), result = -1;
        if (socket < 0)
            throw new ControlException($"no socket can be made: {Marshal.GetLastPInvokeErrorMessage()}");
        string outside = directory.Outside(Name);
        Span<byte> name = stackalloc byte[sizeof(ushort) + NameMax];
        name.Clear();
        _ = BitConverter.TryWriteBytes(name, (ushort)Family);
        _ = Encoding.UTF8.GetBytes(outside, name[sizeof(ushort)..]);
        byte[] address = name.ToArray();
        directory.Do(() =>
        {
            fixed (byte* start = address)
                result = Bind(socket, start, (uint)address.Length);
        });
        if (result == 0)
            result = Listen(socket, Waiting);
        if (result != 0)
        {
            string why = Marshal.GetLastPInvokeErrorMessage();
            _ = Libc.Close(socket);
            throw new ControlException($"pid {program.Pid}: no socket can be made in {directory.Path}, as it sees it: {why}");
        }
        const UnixFileMode own = UnixFileMode.UserRead | UnixFileMode.UserWrite, others = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;
        directory.Do(() =>
        {
            // Of what lies there and not of what a link would lead to, which the process's user may have put in the socket's place.
            int there = Libc.Open(outside, Libc.PathOnly | Libc.NoFollow | Libc.CloseOnExec, 0);
            File.SetUnixFileMode($"/proc/self/fd/{there}", own | (directory.IsForOthers ? others : 0));
            _ = Libc.Close(there);
        });
        return new Handover(program, arena.Descriptor, socket, directory.Inside(Name));
    }

    /// <summary>Serves who has come, without a wait.</summary>
    public void Serve()
    {
        int peer;
        while (_socket >= 0 && (peer = Accept(_socket, null, null, Libc.CloseOnExec)) >= 0)
        {
            if (IsProgram(peer) && Send(peer))
            {
                _ = Libc.Close(_socket);
                _socket = -1;
            }
            _ = Libc.Close(peer);
        }
    }

    private bool IsProgram(int peer)
    {
        uint* who = stackalloc uint[3]; // process, user, group, in our namespaces
        uint length = 3 * sizeof(uint);
        return GetOption(peer, SocketLevel, PeerCredentials, who, &length) == 0 && who[0] == (uint)_program.Pid && who[1] == _program.Status.User;
    }

    /// <summary>A byte, and with it the descriptor: there is room for both in a socket that is new, so this does not wait.</summary>
    private bool Send(int peer)
    {
        byte data = 1;
        nint* part = stackalloc nint[2] { (nint)(&data), 1 };
        ulong* control = stackalloc ulong[3]; // struct cmsghdr: length, level and type, then the descriptor
        control[0] = 2 * sizeof(ulong) + sizeof(int);
        ((int*)control)[2] = SocketLevel;
        ((int*)control)[3] = Rights;
        control[2] = (uint)_descriptor;
        nint* message = stackalloc nint[7] { 0, 0, (nint)part, 1, (nint)control, 3 * sizeof(ulong), 0 };
        return SendMessage(peer, message, NoSignal | DoNotWait) == 1;
    }

    public void Dispose()
    {
        if (_socket >= 0)
            _ = Libc.Close(_socket); // who waits there is told at once
        _socket = -1;
    }

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int NewSocket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    private static partial int Bind(int socket, byte* name, uint length);

    [LibraryImport("libc", EntryPoint = "listen", SetLastError = true)]
    private static partial int Listen(int socket, int waiting);

    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    private static partial int Accept(int socket, byte* name, uint* length, int flags);

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    private static partial int GetOption(int socket, int level, int option, uint* value, uint* length);

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static partial nint SendMessage(int socket, nint* message, int flags);
}
