using System.Runtime.InteropServices;
using AllocReplay.Recorder.Arena;

namespace AllocReplay.Recorder.Attach;

/// <summary>The memory of another process, by /proc/PID/mem. What stands there is that process's to say: lengths are bounded where they are read.</summary>
internal sealed unsafe partial class ProcessMemory : IDisposable
{
    private const int TextMax = 512;

    private readonly int _descriptor;

    /// <exception cref="ControlException">It may not be read and written.</exception>
    public ProcessMemory(int pid)
    {
        _descriptor = Libc.Open($"{RunningThreads.DirectoryOf(pid)}/mem", Libc.ReadWrite | Libc.CloseOnExec, 0);
        if (_descriptor < 0)
            throw new ControlException($"pid {pid}: its memory cannot be opened: {Marshal.GetLastPInvokeErrorMessage()}; {AttachRights.Advice}");
    }

    /// <returns>Whether all of it is there.</returns>
    public bool TryRead(ulong address, Span<byte> to)
    {
        fixed (byte* start = to)
            return address < long.MaxValue && Read(_descriptor, start, (nuint)to.Length, (long)address) == to.Length;
    }

    /// <summary>A value; zeros where there is none.</summary>
    public T At<T>(ulong address)
        where T : unmanaged
    {
        T value = default;
        return TryRead(address, MemoryMarshal.AsBytes(new Span<T>(ref value))) ? value : default;
    }

    /// <summary>Bytes; as many as are there, in pages.</summary>
    public byte[] Bytes(ulong address, int length)
    {
        byte[] bytes = new byte[length];
        for (int at = 0; at < length;)
        {
            int part = Math.Min(length - at, 4096 - (int)((address + (ulong)at) & 4095));
            if (!TryRead(address + (ulong)at, bytes.AsSpan(at, length - at)) && !TryRead(address + (ulong)at, bytes.AsSpan(at, part)))
                return bytes[..at];
            at += TryRead(address + (ulong)at, bytes.AsSpan(at, length - at)) ? length - at : part;
        }
        return bytes;
    }

    /// <summary>Whether a text that ends in NUL stands there.</summary>
    public bool IsText(ulong address, ReadOnlySpan<byte> text)
    {
        Span<byte> found = stackalloc byte[Math.Min(text.Length + 1, TextMax)];
        return TryRead(address, found) && found[^1] == 0 && found[..^1].SequenceEqual(text);
    }

    /// <returns>Whether all of it was written.</returns>
    public bool TryWrite(ulong address, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
            return Write(_descriptor, start, (nuint)bytes.Length, (long)address) == bytes.Length;
    }

    public void Dispose() => _ = Libc.Close(_descriptor);

    [LibraryImport("libc", EntryPoint = "pread", SetLastError = true)]
    private static partial nint Read(int descriptor, byte* to, nuint length, long offset);

    [LibraryImport("libc", EntryPoint = "pwrite", SetLastError = true)]
    private static partial nint Write(int descriptor, byte* from, nuint length, long offset);
}
