using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using AllocReplay.Formats;
using AllocReplay.Formats.Recording;

namespace AllocReplay.Tests.Support;

/// <summary>
/// Writes recording directories byte by byte, as the hook would, so that tests can make any trace, and any malformed one.
/// Ticks are nanoseconds divided by 8 (shift 3 of a 1 GHz counter).
/// </summary>
internal sealed class RecordingWriter
{
    public const int TickShift = 3;
    private const ulong StartTicks = 1_000_000;

    private readonly SortedDictionary<int, ThreadWriter> _threads = [];

    public RecordingWriter(string directory)
    {
        ImageDirectory = Path.Combine(directory, "p100.0");
        Directory.CreateDirectory(ImageDirectory);
    }

    public string ImageDirectory { get; }

    public ThreadWriter Thread(int index)
    {
        if (!_threads.TryGetValue(index, out ThreadWriter? writer))
            _threads.Add(index, writer = new ThreadWriter(index));
        return writer;
    }

    /// <summary>Writes the directory. Chunks that were cut go to <c>events</c>, what is left of each thread to <c>tails</c>.</summary>
    public void Save(ulong lostEvents = 0, ushort versionMajor = 1)
    {
        File.WriteAllBytes(Path.Combine(ImageDirectory, "process"), Header(lostEvents, versionMajor));
        using (FileStream events = File.Create(Path.Combine(ImageDirectory, "events")))
            foreach (byte[] chunk in _threads.Values.SelectMany(t => t.Flushed))
                events.Write(chunk);
        using FileStream tails = File.Create(Path.Combine(ImageDirectory, "tails"));
        foreach (ThreadWriter thread in _threads.Values)
        {
            byte[] chunk = thread.Tail();
            int capacity = (chunk.Length + 4095) / 4096 * 4096;
            BinaryPrimitives.WriteInt32LittleEndian(chunk.AsSpan(36), capacity);
            tails.Write(chunk);
            tails.Write(new byte[capacity - chunk.Length]);
        }
    }

    private static byte[] Header(ulong lostEvents, ushort versionMajor)
    {
        var header = new ProcessHeader
        {
            Magic = Wire.ProcessMagic,
            VersionMajor = versionMajor,
            Size = (uint)Unsafe.SizeOf<ProcessHeader>(),
            Pid = 100,
            ParentPid = 1,
            Arch = Wire.ArchX8664,
            TickShift = TickShift,
            RealtimeNs = 1_700_000_000_000_000_000,
            StartTicks = StartTicks,
            StartMonoNs = 5_000_000_000,
            SecondTicks = StartTicks + 1_000_000,
            SecondMonoNs = 5_001_000_000,
            EndTicks = StartTicks + 1_000_000_000,
            EndMonoNs = 6_000_000_000,
            State = 2,
            LostEvents = lostEvents,
        };
        Encoding.UTF8.GetBytes("/lib/libtest.so").CopyTo((Span<byte>)header.Allocator);
        Encoding.UTF8.GetBytes("/bin/test").CopyTo((Span<byte>)header.Executable);
        return MemoryMarshal.AsBytes(new ReadOnlySpan<ProcessHeader>(in header)).ToArray();
    }

    /// <summary>Encodes one thread's events. Times are nanoseconds since the start of the recording and must not decrease.</summary>
    internal sealed class ThreadWriter(int index)
    {
        private readonly List<byte> _payload = [];
        private uint _sequence;
        private ulong _chunkTicks = StartTicks;
        private ulong _lastTicks = StartTicks >> TickShift;
        private ulong _lastAddress;

        public List<byte[]> Flushed { get; } = [];

        public ThreadWriter Malloc(long ns, ulong address, ulong size) => Event(ns, CallKind.Malloc, address, size);
        public ThreadWriter Free(long ns, ulong address) => Event(ns, CallKind.Free, address);

        public ThreadWriter Realloc(long beginNs, long endNs, ulong old, ulong @new, ulong size) =>
            Event(beginNs, CallKind.ReallocBegin, old, size).Event(endNs, CallKind.ReallocEnd, @new);

        /// <summary>Appends an event. Address 0 is written as null; <paramref name="otherThread"/> is written plus one.</summary>
        public ThreadWriter Event(long ns, CallKind kind, ulong address = 0, ulong size = 0, ulong count = 1, ulong alignment = 0, int otherThread = -1)
        {
            ulong ticks = (StartTicks + (ulong)ns) >> TickShift;
            ulong delta = ticks - _lastTicks;
            _lastTicks = ticks;
            CallFields fields = CallKinds.Fields(kind)!.Value;
            bool hasAddress = (fields & CallFields.Address) != 0;
            bool isNull = hasAddress && address == 0;
            long difference = isNull ? 0 : (long)(address - _lastAddress);
            bool raw = difference % Wire.AddressUnit != 0;
            if ((uint)kind < Wire.CodeLong && !isNull && !raw && difference is >= -Wire.ShortReach and < Wire.ShortReach)
            {
                uint time = (uint)Math.Min(delta, Wire.ShortTime);
                byte[] word = new byte[sizeof(uint)];
                BinaryPrimitives.WriteUInt32LittleEndian(word, (uint)(difference / Wire.AddressUnit) << Wire.ShortAddressBit | time << Wire.CodeBits | (uint)kind);
                _payload.AddRange(word);
                if (time == Wire.ShortTime)
                    Varint(delta);
            }
            else
            {
                Varint(delta << Wire.CodeBits | Wire.CodeLong);
                _payload.Add((byte)((int)kind | (isNull ? Wire.OpNull : 0) | (raw ? Wire.OpRaw : 0)));
                if (hasAddress && !isNull)
                {
                    long stored = raw ? difference : difference / Wire.AddressUnit;
                    Varint((ulong)(stored << 1 ^ stored >> 63));
                }
            }
            if (hasAddress && !isNull)
                _lastAddress = address;
            if ((fields & CallFields.Size) != 0)
                Varint(size);
            if ((fields & CallFields.Count) != 0)
                Varint(count);
            if ((fields & CallFields.Alignment) != 0)
                Varint(alignment);
            if ((fields & CallFields.Thread) != 0)
                Varint((ulong)(otherThread + 1));
            return this;
        }

        /// <summary>Appends bytes as they are.</summary>
        public ThreadWriter Bytes(params byte[] bytes)
        {
            _payload.AddRange(bytes);
            return this;
        }

        /// <summary>Ends the chunk: it goes to the file <c>events</c>.</summary>
        public ThreadWriter Flush()
        {
            Flushed.Add(Tail());
            _payload.Clear();
            _sequence++;
            _chunkTicks = _lastTicks << TickShift;
            _lastAddress = 0;
            return this;
        }

        public byte[] Tail()
        {
            var header = new ChunkHeader
            {
                Magic = Wire.ChunkMagic,
                Thread = (uint)index,
                Sequence = _sequence,
                Length = (uint)_payload.Count,
                Ticks = _chunkTicks,
                MonoNs = 5_000_000_000 + (_chunkTicks - StartTicks),
                OsTid = (uint)(100 + index),
                Interval = 1,
            };
            Encoding.UTF8.GetBytes($"thread-{index}").CopyTo((Span<byte>)header.Name);
            return [.. MemoryMarshal.AsBytes(new ReadOnlySpan<ChunkHeader>(in header)), .. _payload];
        }

        private void Varint(ulong value)
        {
            for (; value >= 0x80; value >>= 7)
                _payload.Add((byte)(value | 0x80));
            _payload.Add((byte)value);
        }
    }
}
