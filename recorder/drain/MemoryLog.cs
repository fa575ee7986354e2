using System.Runtime.InteropServices;
using AllocReplay.Formats;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Recording;
using Microsoft.Win32.SafeHandles;

namespace AllocReplay.Drain;

/// <summary>The file <c>memory</c> of an image: entries one after the other, of which older ones are thinned where it gets too long.</summary>
/// <param name="directory">Of the image.</param>
/// <param name="entriesMax">More entries it never has.</param>
internal sealed class MemoryLog(string directory, int entriesMax) : IDisposable
{
    private SafeFileHandle? _file;
    private long _entries;

    /// <summary>Bytes that it has.</summary>
    public long Bytes => Volatile.Read(ref _entries) * MemoryEntries.Size;

    /// <summary>Adds an entry, the latest.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Append(in MemoryEntry entry)
    {
        if (_file is null)
            Open();
        if (_entries >= entriesMax)
            Thin();
        RandomAccess.Write(_file!, MemoryMarshal.AsBytes(new ReadOnlySpan<MemoryEntry>(in entry)), Bytes);
        _entries++;
    }

    public void Dispose() => _file?.Dispose();

    /// <summary>Goes on where a drain that is dead has left off, which may be in an entry.</summary>
    private void Open()
    {
        _file = ImageFiles.Open(directory, Wire.MemoryFile, isNew: false);
        _entries = RandomAccess.GetLength(_file) / MemoryEntries.Size;
    }

    /// <summary>By another file that takes its name: whoever reads it meanwhile has the one or the other whole.</summary>
    private void Thin()
    {
        var entries = new MemoryEntry[_entries];
        int read = RandomAccess.Read(_file!, MemoryMarshal.AsBytes(entries.AsSpan()), 0);
        MemoryEntry[] left = MemoryEntries.Thin(entries.AsSpan(0, read / MemoryEntries.Size), entriesMax);
        PrivateFile.Replace(Path.Combine(directory, Wire.MemoryFile), stream => stream.Write(MemoryMarshal.AsBytes(left.AsSpan())));
        _file!.Dispose();
        Open();
    }
}
