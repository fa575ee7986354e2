using Microsoft.Win32.SafeHandles;

namespace AllocReplay.Formats.Files;

/// <summary>Bytes at offsets, that several readers may ask for at once.</summary>
internal abstract class ByteSource(string path) : IDisposable
{
    /// <summary>What messages call it.</summary>
    public string Path { get; } = path;

    public abstract long Length { get; }

    /// <summary>Reads as many bytes as there are.</summary>
    /// <returns>Bytes read: fewer than asked for only at the end.</returns>
    public abstract int Read(Span<byte> buffer, long offset);

    public virtual void Dispose()
    {
    }

    /// <param name="path">The file.</param>
    /// <param name="followsLinks">Whether it may be a link to one.</param>
    /// <exception cref="TraceFormatException">It is no regular file, or cannot be opened.</exception>
    public static ByteSource OpenFile(string path, bool followsLinks = true) => new OfFile(path, followsLinks);

    public static ByteSource OfBytes(string name, byte[] bytes) => new OfMemory(name, bytes);

    /// <summary>All bytes, but no more than a bound.</summary>
    public byte[] ReadAll(int atMost)
    {
        var bytes = new byte[Math.Min(Length, atMost)];
        int read = Read(bytes, 0);
        return read == bytes.Length ? bytes : bytes[..read];
    }

    private sealed class OfFile(string path, bool followsLinks) : ByteSource(path)
    {
        private readonly SafeFileHandle _handle = FileKind.Open(path, followsLinks);

        public override long Length => RandomAccess.GetLength(_handle);

        public override int Read(Span<byte> buffer, long offset)
        {
            int total = 0;
            while (total < buffer.Length)
            {
                int n = RandomAccess.Read(_handle, buffer[total..], offset + total);
                if (n == 0)
                    break;
                total += n;
            }
            return total;
        }

        public override void Dispose()
        {
            _handle.Dispose();
            base.Dispose();
        }
    }

    private sealed class OfMemory(string name, byte[] bytes) : ByteSource(name)
    {
        public override long Length => bytes.Length;

        public override int Read(Span<byte> buffer, long offset)
        {
            if (offset >= bytes.Length)
                return 0;
            int n = (int)Math.Min(buffer.Length, bytes.Length - offset);
            bytes.AsSpan((int)offset, n).CopyTo(buffer);
            return n;
        }
    }
}

/// <summary>A directory's files by name.</summary>
internal abstract class ByteFolder(string path)
{
    public string Path { get; } = path;

    /// <summary>Opens a file; null when there is none of that name.</summary>
    public abstract ByteSource? Open(string name);

    public static ByteFolder OfDirectory(string path) => new OnDisk(path);

    public static ByteFolder OfFiles(string path, IReadOnlyDictionary<string, byte[]> files) => new InMemory(path, files);

    private sealed class OnDisk(string path) : ByteFolder(path)
    {
        public override ByteSource? Open(string name)
        {
            string file = System.IO.Path.Combine(Path, name);
            return File.Exists(file) ? ByteSource.OpenFile(file, followsLinks: false) : null;
        }
    }

    private sealed class InMemory(string path, IReadOnlyDictionary<string, byte[]> files) : ByteFolder(path)
    {
        public override ByteSource? Open(string name) =>
            files.TryGetValue(name, out byte[]? bytes) ? ByteSource.OfBytes(System.IO.Path.Combine(Path, name), bytes) : null;
    }
}
