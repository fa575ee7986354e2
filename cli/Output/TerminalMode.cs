using System.Runtime.InteropServices;

namespace AllocReplay.Cli.Output;

/// <summary>What the kernel does with keys of the terminal that is standard input.</summary>
internal enum KeyMode
{
    /// <summary>As it was given.</summary>
    Given,
    /// <summary>Each key comes as it is struck, is not echoed, and does nothing by itself.</summary>
    Keys,
    /// <summary>As <see cref="Keys"/>, but Ctrl-C interrupts, Ctrl-Z stops, Ctrl-S holds output.</summary>
    Signals,
}

/// <summary>The settings of the terminal that is standard input, termios(3), and what they were. Signals and the prompt change them: one at a time.</summary>
internal sealed unsafe partial class TerminalMode
{
    // As Linux has them on x86-64 and arm64.
    private const uint StripInput = 0x20, FeedToReturn = 0x40, IgnoreReturn = 0x80, ReturnToFeed = 0x100, HoldOutput = 0x400; // c_iflag
    private const uint Signal = 0x1, ByLine = 0x2, Echo = 0x8, Extended = 0x8000; // c_lflag
    private const int TimeIndex = 5, MinIndex = 6; // c_cc
    private const int Now = 0, Interrupted = 4; // TCSANOW, EINTR

    private readonly Lock _lock = new();
    private readonly Settings _given;
    private KeyMode _wanted;

    private TerminalMode(Settings given) => _given = given;

    /// <summary>Null where standard input is no terminal.</summary>
    public static TerminalMode? Open()
    {
        Settings given;
        return Get(StandardInput.Descriptor, &given) == 0 ? new TerminalMode(given) : null;
    }

    public void Set(KeyMode mode)
    {
        lock (_lock)
        {
            _wanted = mode;
            Apply(mode);
        }
    }

    /// <summary>Has it as it was given, until <see cref="Resume"/>: the process is about to be stopped.</summary>
    public void Lend()
    {
        lock (_lock)
            Apply(KeyMode.Given);
    }

    /// <summary>The process goes on: whoever had the terminal meanwhile may have changed it.</summary>
    public void Resume()
    {
        lock (_lock)
        {
            if (_wanted != KeyMode.Given)
                Apply(_wanted);
        }
    }

    private void Apply(KeyMode mode)
    {
        Settings settings = _given;
        if (mode != KeyMode.Given)
        {
            settings.Input &= ~(StripInput | FeedToReturn | IgnoreReturn | ReturnToFeed | (mode == KeyMode.Keys ? HoldOutput : 0));
            settings.Local &= ~(ByLine | Echo | Extended | (mode == KeyMode.Keys ? Signal : 0));
            settings.Characters[MinIndex] = 1;
            settings.Characters[TimeIndex] = 0;
        }
        // A terminal that has gone has no settings: the reader of its keys tells of it.
        while (SetAttributes(StandardInput.Descriptor, Now, &settings) != 0 && Marshal.GetLastPInvokeError() == Interrupted)
        {
        }
    }

    [LibraryImport("libc", EntryPoint = "tcgetattr", SetLastError = true)]
    private static partial int Get(int descriptor, Settings* settings);

    [LibraryImport("libc", EntryPoint = "tcsetattr", SetLastError = true)]
    private static partial int SetAttributes(int descriptor, int when, Settings* settings);

    /// <summary>struct termios of the C library.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Settings
    {
        public uint Input, Output, Control, Local;
        public byte Line;
        public fixed byte Characters[32];
        public uint InputSpeed, OutputSpeed;
    }
}
