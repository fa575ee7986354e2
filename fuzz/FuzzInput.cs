using System.Text;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Recording;

namespace AllocReplay.Fuzz;

/// <summary>A growing array that is used again for the next input.</summary>
internal sealed class Bytes
{
    public byte[] Buffer { get; private set; } = new byte[1 << 14];

    public int Length { get; private set; }

    public Span<byte> Span => Buffer.AsSpan(0, Length);

    public void Clear() => Length = 0;

    public void Cut(int length) => Length = Math.Min(length, Length);

    public void Append(ReadOnlySpan<byte> bytes) => Insert(Length, bytes);

    public void Set(ReadOnlySpan<byte> bytes)
    {
        Clear();
        Append(bytes);
    }

    /// <summary>Inserts bytes, which may be its own.</summary>
    public void Insert(int at, ReadOnlySpan<byte> bytes)
    {
        byte[] old = Buffer;
        if (Length + bytes.Length > old.Length)
        {
            Buffer = new byte[2 * (Length + bytes.Length)];
            old.AsSpan(0, Length).CopyTo(Buffer);
        }
        else if (at < Length && bytes.Overlaps(Buffer))
        {
            bytes = bytes.ToArray();
        }
        Buffer.AsSpan(at, Length - at).CopyTo(Buffer.AsSpan(at + bytes.Length));
        bytes.CopyTo(Buffer.AsSpan(at));
        Length += bytes.Length;
    }

    public void Remove(int at, int count)
    {
        Buffer.AsSpan(at + count, Length - at - count).CopyTo(Buffer.AsSpan(at));
        Length -= count;
    }
}

/// <summary>An input for a reader: the files of a recording's process image, or the one file of a packed trace.</summary>
internal sealed class FuzzInput
{
    public static readonly string[] DirectoryFiles = [Wire.ProcessFile, Wire.EventsFile, Wire.TailsFile, Wire.MarksFile, Wire.MemoryFile, Wire.CommandLineFile,
        Wire.MapsFile, Wire.FramesFile, Wire.ModulesFile, Wire.SymbolsFile];
    private const string PackName = "pack";

    private readonly Source[] _sources;

    public FuzzInput(bool isPack)
    {
        IsPack = isPack;
        string[] names = isPack ? [PackName] : DirectoryFiles;
        Files = [.. names.Select(_ => new Bytes())];
        _sources = [.. names.Select((n, i) => new Source("fuzz/p1.0/" + n, Files[i]))];
        Folder = new SourceFolder(this);
    }

    public bool IsPack { get; }

    /// <summary>In the order of <see cref="DirectoryFiles"/>. An empty file is as one that is not there.</summary>
    public Bytes[] Files { get; }

    public int Length => Files.Sum(f => f.Length);

    public ByteSource Pack => _sources[0];

    public ByteFolder Folder { get; }

    /// <summary>As text: each file's name, then its bytes in hexadecimal, 32 to a line.</summary>
    public string ToText(string comment)
    {
        var text = new StringBuilder();
        foreach (string line in comment.Split('\n'))
            text.Append("# ").Append(line.TrimEnd()).Append('\n');
        for (int i = 0; i < Files.Length; i++)
        {
            if (Files[i].Length == 0)
                continue;
            text.Append(IsPack ? PackName : DirectoryFiles[i]).Append(":\n");
            for (int at = 0; at < Files[i].Length; at += 32)
                text.Append(Convert.ToHexStringLower(Files[i].Span.Slice(at, Math.Min(32, Files[i].Length - at)))).Append('\n');
        }
        return text.ToString();
    }

    /// <summary>Reads what <see cref="ToText"/> wrote. Runs of zeros may be written as <c>*COUNT</c>.</summary>
    public static FuzzInput FromText(string text)
    {
        string[] lines = [.. text.Split('\n').Select(l => l.Trim()).Where(l => l.Length > 0 && l[0] != '#')];
        var input = new FuzzInput(lines.Contains(PackName + ":"));
        Bytes? file = null;
        foreach (string line in lines)
        {
            if (line[^1] == ':')
                file = input.Files[input.IsPack ? 0 : Array.IndexOf(DirectoryFiles, line[..^1])];
            else if (line[0] == '*')
                file!.Append(new byte[int.Parse(line[1..], System.Globalization.CultureInfo.InvariantCulture)]);
            else
                file!.Append(Convert.FromHexString(line));
        }
        return input;
    }

    private sealed class Source(string path, Bytes bytes) : ByteSource(path)
    {
        public override long Length => bytes.Length;

        public override int Read(Span<byte> buffer, long offset)
        {
            if (offset >= bytes.Length)
                return 0;
            ReadOnlySpan<byte> rest = bytes.Span[(int)offset..];
            rest = rest[..Math.Min(rest.Length, buffer.Length)];
            rest.CopyTo(buffer);
            return rest.Length;
        }
    }

    private sealed class SourceFolder(FuzzInput input) : ByteFolder("fuzz/p1.0")
    {
        public override ByteSource? Open(string name)
        {
            int file = Array.IndexOf(DirectoryFiles, name);
            return file < 0 || input.Files[file].Length == 0 ? null : input._sources[file];
        }
    }
}
