using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace AllocReplay.Replayer.Allocators;

/// <summary>Reads the build id of an ELF file: the one name of a library that does not lie.</summary>
internal static class ElfBuildId
{
    private const int HeaderSize = 64, ProgramHeaderSize = 56, NoteHeaderSize = 12;
    private const uint NoteSegment = 4, BuildIdNote = 3;
    private const int NotesMax = 1 << 16;

    /// <summary>The build id in hexadecimal; empty when the file has none or is not a 64-bit little-endian ELF file.</summary>
    public static string Read(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            return Read(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static string Read(FileStream file)
    {
        Span<byte> header = stackalloc byte[HeaderSize];
        ReadOnlySpan<byte> identity = [0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1]; // 64-bit, little-endian
        if (file.ReadAtLeast(header, HeaderSize, throwOnEndOfStream: false) < HeaderSize || !header.StartsWith(identity))
            return "";
        long table = BinaryPrimitives.ReadInt64LittleEndian(header[32..]);
        int entrySize = BinaryPrimitives.ReadUInt16LittleEndian(header[54..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(header[56..]);
        Span<byte> entry = stackalloc byte[ProgramHeaderSize];
        for (int i = 0; i < count && entrySize >= ProgramHeaderSize; i++)
        {
            if (!ReadAt(file, table + (long)i * entrySize, entry))
                return "";
            long offset = BinaryPrimitives.ReadInt64LittleEndian(entry[8..]);
            long length = BinaryPrimitives.ReadInt64LittleEndian(entry[32..]);
            if (MemoryMarshal.Read<uint>(entry) != NoteSegment || length is < NoteHeaderSize or > NotesMax)
                continue;
            byte[] notes = new byte[length];
            if (ReadAt(file, offset, notes) && Find(notes) is { Length: > 0 } id)
                return id;
        }
        return "";
    }

    /// <summary>A note is three words (name length, content length, type), the name and the content, both padded to four bytes.</summary>
    private static string Find(ReadOnlySpan<byte> notes)
    {
        while (notes.Length >= NoteHeaderSize)
        {
            uint nameLength = BinaryPrimitives.ReadUInt32LittleEndian(notes);
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(notes[4..]);
            uint type = BinaryPrimitives.ReadUInt32LittleEndian(notes[8..]);
            ulong content = NoteHeaderSize + (nameLength + 3UL & ~3UL);
            ulong next = content + (length + 3UL & ~3UL);
            if (content + length > (ulong)notes.Length)
                return "";
            if (type == BuildIdNote && notes[NoteHeaderSize..].StartsWith("GNU\0"u8))
                return Convert.ToHexStringLower(notes.Slice((int)content, (int)length));
            if (next > (ulong)notes.Length)
                return "";
            notes = notes[(int)next..];
        }
        return "";
    }

    private static bool ReadAt(FileStream file, long offset, Span<byte> buffer)
    {
        if (offset < 0 || offset > file.Length - buffer.Length)
            return false;
        file.Position = offset;
        file.ReadExactly(buffer);
        return true;
    }
}
