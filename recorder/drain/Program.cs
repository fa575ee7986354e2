using System.Globalization;
using System.Runtime.InteropServices;
using AllocReplay.Recorder.Arena;

namespace AllocReplay.Drain;

/// <summary>The process <c>allocreplay-drain</c>: an executable of its own, or another name of the native recorder.</summary>
internal static class Program
{
    // allocreplay-drain SESSION MAX LEAVE-FREE KEEP-BYTES KEEP-NS PACKED [take-over]: recorder/DrainProcess.cs starts it, and holds its standard
    // input: when that ends, no image is to come but those that recorded ones begin. Of each image it writes at most MAX bytes of events
    // (0: any), and stops all when the disk has no more than LEAVE-FREE bytes for us. Of KEEP-BYTES or KEEP-NS (0: any) it keeps the latest
    // whole. Where PACKED is 1 the recorder packs segments meanwhile, and takes them away. With "take-over" it goes on where a drain that is dead has left off.
    public static int Main(string[] args)
    {
        string session = args[0];
        var limits = new DiskLimits(session, Number(1), Number(2));
        var keep = new Retention(Number(3), Number(4), Number(5) != 0);
        _ = Terminal.NewSession(); // a Ctrl-C is for the program
        _ = Terminal.Prefer(0, 0, -10); // where we may: it works little, and threads wait for it where the processors are busy
        SharedArena arena;
        try
        {
            arena = args.Length > 6 ? SharedArena.Open(session) ?? throw new IOException("its shared memory is gone") : SharedArena.Create(session);
            if (!arena.TryOwn())
                throw new IOException("another process is writing this recording");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.WriteLine("error " + e.Message);
            return 1;
        }
        try
        {
            SharedArena.RemoveAbandoned(path => RecordedProcess.MapAny(path, but: 0));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Somebody else is about to.
        }
        unsafe
        {
            Volatile.Write(ref arena.Header->DrainPid, (uint)Environment.ProcessId); // before it is counted: who reads the count knows whom it counts
        }
        var drain = new Drain(arena, session, limits, keep, Say, Terminal.LeaveStandardError);
        unsafe
        {
            Volatile.Write(ref arena.Header->DrainState, ArenaWire.DrainRuns);
        }
        Console.WriteLine("ready " + arena.Path);
        Console.Out.Close();
        var input = new Thread(() =>
        {
            try
            {
                using Stream stream = Console.OpenStandardInput();
                while (stream.ReadByte() >= 0)
                {
                }
            }
            catch (IOException)
            {
                // Gone as well.
            }
            Volatile.Write(ref Terminal.IsLast, true);
        }, 64 * 1024)
        { IsBackground = true };
        input.Start();
        drain.Run(() => Volatile.Read(ref Terminal.IsLast));
        unsafe
        {
            if (arena.Header->Refused > 0)
                Say($"{arena.Header->Refused} process images were not recorded: {arena.ImageCount} at a time are");
            Volatile.Write(ref arena.Header->DrainState, ArenaWire.DrainEnded);
        }
        arena.Remove(session);
        return 0;

        long Number(int argument) => long.Parse(args[argument], CultureInfo.InvariantCulture);
    }

    private static void Say(string what)
    {
        try
        {
            Console.Error.WriteLine("allocreplay: " + what);
        }
        catch (IOException)
        {
            // Nobody listens.
        }
    }
}

internal static partial class Terminal
{
    public static bool IsLast;

    [LibraryImport("libc", EntryPoint = "setsid")]
    public static partial int NewSession();

    /// <summary>Who reads what the recorder says, through a pipe, waits until nobody has it open.</summary>
    public static void LeaveStandardError()
    {
        int nowhere = Libc.Open("/dev/null", Libc.ReadWrite | Libc.CloseOnExec, 0);
        if (nowhere < 0)
            return;
        _ = Duplicate(nowhere, 2);
        _ = Libc.Close(nowhere);
    }

    [LibraryImport("libc", EntryPoint = "dup2")]
    private static partial int Duplicate(int from, int to);

    [LibraryImport("libc", EntryPoint = "setpriority")]
    public static partial int Prefer(int which, uint who, int niceness);
}
