using System.Runtime.InteropServices;
using System.Text;

namespace AllocReplay.Cli.Output;

/// <summary>
/// Standard output or standard error by write(2). The runtime's console stream drops silently what a closed pipe refuses, so that a command
/// runs on for nobody; its file stream keeps an offset of its own, and would write over what others have written to the same file.
/// </summary>
internal sealed partial class StandardStream : Stream
{
    private const int Output = 1, Error = 2;
    private const int Interrupted = 4, WouldBlock = 11; // errno
    private const int BufferChars = 32 << 10;

    private readonly int _descriptor;
    private bool _failed;

    private StandardStream(int descriptor) => _descriptor = descriptor;

    /// <summary>A writer that passes on what it has when it is flushed and when its buffer is full; on a terminal, at once.</summary>
    public static StreamWriter OpenOutput() =>
        new(new StandardStream(Output), new UTF8Encoding(false), BufferChars) { AutoFlush = !Console.IsOutputRedirected, NewLine = "\n" };

    /// <summary>A writer to standard error. What cannot be written there is dropped: a result does not depend on whether notes about it are read.</summary>
    public static StreamWriter OpenError() => new(new StandardStream(Error), new UTF8Encoding(false)) { AutoFlush = true, NewLine = "\n" };

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <exception cref="OutputException">Standard output cannot be written. It is thrown once: what is left in buffers then goes nowhere.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty && !_failed)
        {
            nint written = NativeWrite(_descriptor, in MemoryMarshal.GetReference(buffer), (nuint)buffer.Length);
            if (written >= 0)
            {
                buffer = buffer[(int)written..];
                continue;
            }
            int error = Marshal.GetLastPInvokeError();
            if (error == WouldBlock)
                PollDescriptor.Wait(_descriptor, PollDescriptor.Writable);
            else if (error != Interrupted)
            {
                _failed = true;
                if (_descriptor == Output)
                    throw new OutputException(error);
            }
        }
    }

    /// <exception cref="OutputException">It is a pipe that nobody reads any more, or a terminal that has gone.</exception>
    public void RequireReader()
    {
        if (_failed || !PollDescriptor.IsClosed(_descriptor))
            return;
        _failed = true;
        throw new OutputException(OutputException.BrokenPipe);
    }

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint NativeWrite(int descriptor, in byte buffer, nuint count);
}

/// <summary>Standard output cannot be written. No <see cref="IOException"/>: what expects those expects them of traces.</summary>
internal sealed class OutputException(int error) : Exception($"cannot write standard output: {Marshal.GetPInvokeErrorMessage(error)}")
{
    public const int BrokenPipe = 32; // errno

    /// <summary>Whoever read it has enough: nothing is wrong.</summary>
    public bool IsClosed { get; } = error == BrokenPipe;
}
