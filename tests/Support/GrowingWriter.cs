using System.Buffers.Binary;
using AllocReplay.Formats.Recording;

namespace AllocReplay.Tests.Support;

/// <summary>
/// A recording directory as a drain writes it, step by step: chunks that are full go to <c>events</c>, unfinished ones are copied to <c>tails</c> one after
/// the other, and then the page is stored with a reading of the counter.
/// </summary>
internal sealed class GrowingWriter
{
    private const int FlagsAt = 112, SecondTicksAt = 56, SecondNsAt = 64, StateAt = 88, ControlAt = 2240;
    private const ulong StartMonoNs = 5_000_000_000;

    private readonly RecordingWriter _writer;
    private readonly Dictionary<int, int> _appended = []; // chunks of a thread that are in events
    private readonly SortedDictionary<int, byte[]> _tails = [];
    private readonly bool _isDrained;

    public GrowingWriter(string session, bool isDrained = true)
    {
        _isDrained = isDrained;
        _writer = new RecordingWriter(session) { Drained = true };
        foreach (string name in new[] { Wire.EventsFile, Wire.TailsFile })
            File.WriteAllBytes(this[name], []);
        SavePage(1000);
    }

    public string Directory => _writer.ImageDirectory;

    /// <summary>A file's path.</summary>
    public string this[string name] => Path.Combine(Directory, name);

    /// <summary>What a thread writes into is published at once.</summary>
    public RecordingWriter.ThreadWriter Thread(int index) => _writer.Thread(index);

    /// <summary>Appends a thread's chunks that are full.</summary>
    public void Collect(int thread)
    {
        List<byte[]> chunks = _writer.Thread(thread).Flushed;
        using FileStream events = File.Open(this[Wire.EventsFile], FileMode.Append);
        for (int i = _appended.GetValueOrDefault(thread); i < chunks.Count; i++)
            events.Write(chunks[i]);
        _appended[thread] = chunks.Count;
    }

    /// <summary>Copies what a thread's unfinished chunk holds.</summary>
    /// <param name="thread">Its index.</param>
    /// <param name="slot">Where to, in the order of slots; null: where its chunk before was.</param>
    public void Copy(int thread, int? slot = null)
    {
        byte[] chunk = _writer.Thread(thread).Tail();
        int capacity = (chunk.Length + Wire.TailAlignment - 1) / Wire.TailAlignment * Wire.TailAlignment;
        BinaryPrimitives.WriteInt32LittleEndian(chunk.AsSpan(36), capacity);
        Array.Resize(ref chunk, capacity);
        _tails[slot ?? thread] = chunk;
        File.WriteAllBytes(this[Wire.TailsFile], [.. _tails.Values.SelectMany(t => t)]);
    }

    /// <summary>Stores the page.</summary>
    /// <param name="ns">Of the reading of the counter: nanoseconds since the start.</param>
    /// <param name="state">1 recording, 2 exited.</param>
    public void SavePage(long ns, uint state = 1)
    {
        byte[] page = _writer.Page();
        ulong flags = BinaryPrimitives.ReadUInt64LittleEndian(page.AsSpan(FlagsAt));
        BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(FlagsAt), flags | (_isDrained ? Wire.FlagDrained : 0));
        BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(SecondTicksAt), RecordingWriter.StartTicks + (ulong)ns);
        BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(SecondNsAt), StartMonoNs + (ulong)ns);
        BinaryPrimitives.WriteUInt32LittleEndian(page.AsSpan(StateAt), state);
        BinaryPrimitives.WriteUInt32LittleEndian(page.AsSpan(ControlAt), 1);
        File.WriteAllBytes(this[Wire.ProcessFile], page);
    }

    /// <summary>The program has ended: all goes to events, and tails are empty.</summary>
    public void End(IEnumerable<int> threads, long ns)
    {
        foreach (int thread in threads)
        {
            if (_writer.Thread(thread).Tail().Length > ChunkWalk.HeaderSize)
                _writer.Thread(thread).Flush();
            Collect(thread);
        }
        File.WriteAllBytes(this[Wire.TailsFile], []);
        SavePage(ns, state: 2);
    }
}
