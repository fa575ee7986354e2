using AllocReplay.Formats;
using AllocReplay.Formats.Files;

namespace AllocReplay.Analyzer.Export;

/// <summary>Writes a file that has its name only when it is whole, readable by its owner alone: names of functions and paths are a program's own.</summary>
public static class OutputFileWriter
{
    /// <summary>Writes a file; what is left of a failure, or where it is cancelled, is taken away.</summary>
    /// <param name="path">Its name.</param>
    /// <param name="replace">Whether a file of that name is replaced.</param>
    /// <param name="write">Writes it.</param>
    /// <returns>What that gave.</returns>
    /// <exception cref="TraceNotWritableException">It cannot be written.</exception>
    public static T Write<T>(string path, bool replace, Func<Stream, T> write)
    {
        if (TraceNotWritableException.ForeseeOther(path, replace) is { } obstacle)
            throw obstacle;
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        string temporary = Path.Combine(folder, $".{Path.GetFileName(path)}.{Environment.ProcessId}.tmp");
        var stream = Writing(path, () => new TargetStream(path, PrivateFile.Create(temporary, FileMode.Create)));
        try
        {
            T result = write(stream);
            Writing(path, () =>
            {
                stream.Close();
                TakeName(temporary, path, replace);
                return 0;
            });
            return result;
        }
        catch
        {
            Remove(stream, temporary);
            throw;
        }
    }

    /// <summary>Where nothing is to be replaced, a file that has appeared meanwhile stays.</summary>
    private static void TakeName(string temporary, string path, bool replace)
    {
        try
        {
            File.Move(temporary, path, replace);
        }
        catch (IOException) when (!replace && Path.Exists(path))
        {
            throw TraceNotWritableException.Exists(path);
        }
    }

    /// <summary>Closing a file writes what was buffered, which fails on a full disk: that was said before, and is no reason to leave it there.</summary>
    private static void Remove(Stream stream, string temporary)
    {
        try
        {
            stream.Close();
        }
        catch (Exception e) when (TraceNotWritableException.Covers(e))
        {
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    private static T Writing<T>(string path, Func<T> write)
    {
        try
        {
            return write();
        }
        catch (Exception e) when (TraceNotWritableException.Covers(e))
        {
            throw TraceNotWritableException.Of(path, e);
        }
    }

    /// <summary>The file, whose failures name it: a disk that cannot be read, where the trace is, is another matter.</summary>
    private sealed class TargetStream(string path, FileStream file) : Stream
    {
        public override bool CanRead => false;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            try
            {
                file.Write(buffer);
            }
            catch (Exception e) when (TraceNotWritableException.Covers(e))
            {
                throw TraceNotWritableException.Of(path, e);
            }
        }

        public override void WriteByte(byte value) => Write([value]);

        public override void Flush()
        {
        }

        public override void Close()
        {
            try
            {
                file.Dispose();
            }
            finally
            {
                base.Close();
            }
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
