using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Recording;
using AllocReplay.Formats.Stacks;
using AllocReplay.Formats.Stored;

namespace AllocReplay.Tests.Support;

/// <summary>
/// Writes recording directories byte by byte, as the hook would, so that tests can make any trace, and any malformed one.
/// Ticks are nanoseconds divided by 8 (shift 3 of a 1 GHz counter).
/// </summary>
internal sealed class RecordingWriter
{
    public const int TickShift = 3;
    public const ulong StartTicks = 1_000_000;

    /// <summary>Name of the process image.</summary>
    public const string ImageName = "p100.0";

    private const ulong StartMonoNs = 5_000_000_000;

    private readonly SortedDictionary<int, ThreadWriter> _threads = [];
    private readonly List<byte> _marks = [], _memory = [];
    private readonly List<FrameRecord> _frames = [default, default]; // the first two are none
    private readonly string? _directory;

    /// <summary>Writes into a directory.</summary>
    public RecordingWriter(string directory, string image = ImageName)
    {
        _directory = Path.Combine(directory, image);
        Directory.CreateDirectory(_directory);
    }

    /// <summary>Writes into memory: see <see cref="Files"/>.</summary>
    public RecordingWriter()
    {
    }

    public string ImageDirectory => _directory ?? throw new InvalidOperationException("the recording is in memory");

    /// <summary>Whether each call carries how long it took.</summary>
    public bool Latency { get; init; }
    public uint Sample { get; init; } = 1;

    public SampleScheme SampleScheme { get; init; }
    /// <summary>Whether acquisitions carry their stacks, and whether releases do.</summary>
    public bool Stacks { get; init; }
    public bool FreeStacks { get; init; }

    /// <summary>Whether the process began as a fork of a recorded one.</summary>
    public bool Forked { get; init; }

    /// <summary>Whether mappings were asked for; there are none.</summary>
    public bool Regions { get; init; }

    /// <summary>Whether it was killed while a drain wrote it: no end pair, and none in the chunks.</summary>
    public bool Drained { get; init; }

    /// <summary>The files <c>cmdline</c> and <c>maps</c>; not written when null.</summary>
    public string? CommandLine { get; init; }

    public string? Maps { get; init; }

    /// <summary>The program that it ran.</summary>
    public string Executable { get; init; } = "/bin/test";

    /// <summary>The file <c>modules</c>.</summary>
    public string? Modules { get; init; }

    /// <summary>The file <c>symbols.msgpack</c>; not written when null.</summary>
    public SymbolTable? Symbols { get; init; }

    public ThreadWriter Thread(int index)
    {
        if (!_threads.TryGetValue(index, out ThreadWriter? writer))
            _threads.Add(index, writer = new ThreadWriter(index, OptionalFields, Drained));
        return writer;
    }

    /// <summary>Appends a frame to <c>frames</c>, of which nothing is checked.</summary>
    /// <param name="ip">The return address.</param>
    /// <param name="caller">Number of its caller's frame; 0: the thread starts here; 1: there are more.</param>
    /// <param name="flags">As in the file.</param>
    /// <returns>Its number: of the stack that it is the lowest of.</returns>
    public int Frame(ulong ip, int caller = 0, uint flags = FrameRecord.Present)
    {
        _frames.Add(new FrameRecord { Ip = ip, Caller = (uint)caller, Flags = flags });
        return _frames.Count - 1;
    }

    /// <summary>Appends to <c>marks</c>; kinds are the constants of <see cref="MarkEntry"/>.</summary>
    public RecordingWriter Mark(uint kind, uint interval, long ns, string name = "")
    {
        var entry = new MarkEntry { Kind = kind, Interval = interval, MonoNs = StartMonoNs + (ulong)ns };
        Encoding.UTF8.GetBytes(name).CopyTo((Span<byte>)entry.Name);
        _marks.AddRange(MemoryMarshal.AsBytes(new ReadOnlySpan<MarkEntry>(in entry)));
        return this;
    }

    /// <summary>Appends to <c>memory</c>.</summary>
    public RecordingWriter Memory(long ns, ulong resident, ulong anonymous = 0, ulong swapped = 0, ulong peak = 0)
    {
        var entry = new MemoryEntry { MonoNs = StartMonoNs + (ulong)ns, Resident = resident, Anonymous = anonymous, Swapped = swapped, PeakResident = peak };
        _memory.AddRange(MemoryMarshal.AsBytes(new ReadOnlySpan<MemoryEntry>(in entry)));
        return this;
    }

    /// <summary>Writes the directory. Chunks that were cut go to <c>events</c>, what is left of each thread to <c>tails</c>.</summary>
    public void Save(ulong lostEvents = 0, ushort versionMajor = 1, ushort versionMinor = 0)
    {
        foreach ((string name, byte[] bytes) in Files(lostEvents, versionMajor, versionMinor))
            File.WriteAllBytes(Path.Combine(ImageDirectory, name), bytes);
    }

    /// <summary>The files that <see cref="Save"/> writes, by name.</summary>
    public Dictionary<string, byte[]> Files(ulong lostEvents = 0, ushort versionMajor = 1, ushort versionMinor = 0)
    {
        var files = new Dictionary<string, byte[]>
        {
            [Wire.ProcessFile] = Header(lostEvents, versionMajor, versionMinor),
            [Wire.EventsFile] = [.. _threads.Values.SelectMany(t => t.Flushed).SelectMany(c => c)],
            [Wire.TailsFile] = [.. _threads.Values.SelectMany(Slot)],
        };
        if (_marks.Count > 0)
            files[Wire.MarksFile] = [.. _marks];
        if (_memory.Count > 0)
            files[Wire.MemoryFile] = [.. _memory];
        if (_frames.Count > 2)
            files[Wire.FramesFile] = MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_frames)).ToArray();
        if (Modules is not null)
            files[Wire.ModulesFile] = Encoding.UTF8.GetBytes(Modules);
        if (Symbols is not null)
            files[Wire.SymbolsFile] = StoredMap.Serialize(SymbolMap.Of(Symbols));
        if (CommandLine is not null)
            files[Wire.CommandLineFile] = Encoding.UTF8.GetBytes(CommandLine);
        if (Maps is not null)
            files[Wire.MapsFile] = Encoding.UTF8.GetBytes(Maps);
        return files;
    }

    /// <summary>The file <c>process</c>.</summary>
    public byte[] Page() => Header(0, 1, 0);

    private CallFields OptionalFields =>
        (Latency ? CallFields.Duration : 0) | (Stacks ? CallFields.Stack : 0) | (FreeStacks ? CallFields.FreeStack : 0);

    private static byte[] Slot(ThreadWriter thread)
    {
        byte[] chunk = thread.Tail();
        int capacity = (chunk.Length + Wire.TailAlignment - 1) / Wire.TailAlignment * Wire.TailAlignment;
        BinaryPrimitives.WriteInt32LittleEndian(chunk.AsSpan(36), capacity);
        Array.Resize(ref chunk, capacity);
        return chunk;
    }

    private byte[] Header(ulong lostEvents, ushort versionMajor, ushort versionMinor)
    {
        var header = new ProcessHeader
        {
            Magic = Wire.ProcessMagic,
            VersionMajor = versionMajor,
            VersionMinor = versionMinor,
            Size = (uint)Unsafe.SizeOf<ProcessHeader>(),
            Pid = 100,
            ParentPid = 1,
            Arch = Wire.ArchX8664,
            TickShift = TickShift,
            RealtimeNs = 1_700_000_000_000_000_000,
            StartTicks = StartTicks,
            StartMonoNs = StartMonoNs,
            SecondTicks = StartTicks + 1_000_000,
            SecondMonoNs = 5_001_000_000,
            EndTicks = Drained ? 0ul : StartTicks + 1_000_000_000,
            EndMonoNs = Drained ? 0ul : 6_000_000_000,
            State = Drained ? 1u : 2,
            LostEvents = lostEvents,
            Sample = Sample,
            SampleScheme = (uint)SampleScheme,
            Flags = (Latency ? Wire.FlagLatency : 0) | (Forked ? Wire.FlagForked : 0)
                | (Stacks ? Wire.FlagStacks : 0) | (FreeStacks ? Wire.FlagFreeStacks : 0) | (Regions ? Wire.FlagRegions : 0),
        };
        Encoding.UTF8.GetBytes("/lib/libtest.so").CopyTo((Span<byte>)header.Allocator);
        Encoding.UTF8.GetBytes(Executable).CopyTo((Span<byte>)header.Executable);
        return MemoryMarshal.AsBytes(new ReadOnlySpan<ProcessHeader>(in header)).ToArray();
    }

    /// <summary>Encodes one thread's events. Times are nanoseconds since the start of the recording and must not decrease.</summary>
    internal sealed class ThreadWriter(int index, CallFields optional, bool drained)
    {
        private readonly List<byte> _payload = [];
        private uint _sequence;
        private ulong _chunkTicks = StartTicks;
        private ulong _lastTicks = StartTicks >> TickShift;
        private ulong _lastAddress;
        private uint _interval = 1;

        public List<byte[]> Flushed { get; } = [];

        public ThreadWriter Malloc(long ns, ulong address, ulong size, int stack = 0) => Event(ns, CallKind.Malloc, address, size, stack: stack);
        public ThreadWriter Free(long ns, ulong address, int stack = 0) => Event(ns, CallKind.Free, address, stack: stack);

        public ThreadWriter Realloc(long beginNs, long endNs, ulong old, ulong @new, ulong size, int stack = 0) =>
            Event(beginNs, CallKind.ReallocBegin, old, size).Event(endNs, CallKind.ReallocEnd, @new, stack: stack);

        /// <summary>Appends an event. Address 0 is written as null; <paramref name="otherThread"/> is written plus one.</summary>
        public ThreadWriter Event(long ns, CallKind kind, ulong address = 0, ulong size = 0, ulong count = 1, ulong alignment = 0, int otherThread = -1,
            ulong duration = 0, int stack = 0) =>
            Event(new RawEvent
            {
                Ticks = (StartTicks + (ulong)ns) >> TickShift,
                Kind = kind,
                Address = address,
                IsNull = address == 0,
                Size = size,
                Count = count,
                Alignment = alignment,
                OtherThread = otherThread,
                Duration = duration,
                Stack = stack,
            });

        /// <summary>Appends an event at a shifted tick, in the current interval. Fields that its kind does not have are not written.</summary>
        public ThreadWriter Event(in RawEvent e)
        {
            (CallKind kind, ulong address) = (e.Kind, e.Address);
            ulong delta = e.Ticks - _lastTicks;
            ArgumentOutOfRangeException.ThrowIfLessThan(e.Ticks, _lastTicks);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(delta, ulong.MaxValue >> Wire.CodeBits);
            _lastTicks = e.Ticks;
            CallFields fields = CallKinds.Fields(kind)!.Value;
            bool hasAddress = (fields & CallFields.Address) != 0;
            bool isNull = hasAddress && e.IsNull;
            long difference = isNull ? 0 : (long)(address - _lastAddress);
            bool raw = difference % Wire.AddressUnit != 0;
            if ((uint)kind < Wire.CodeLong && !isNull && !raw && difference is >= -Wire.ShortReach and < Wire.ShortReach)
            {
                uint time = (uint)Math.Min(delta, Wire.ShortTime);
                byte[] word = new byte[sizeof(uint)];
                BinaryPrimitives.WriteUInt32LittleEndian(word,
                    (uint)(difference / Wire.AddressUnit) << Wire.ShortAddressBit | time << Wire.CodeBits | (uint)kind);
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
                Varint(e.Size);
            if ((fields & CallFields.Count) != 0)
                Varint(e.Count);
            if ((fields & CallFields.Alignment) != 0)
                Varint(e.Alignment);
            if ((fields & CallFields.Thread) != 0)
                Varint((ulong)(e.OtherThread + 1L));
            if ((fields & optional & CallFields.Duration) != 0)
                Varint(e.Duration);
            if ((fields & optional & (CallFields.Stack | CallFields.FreeStack)) != 0)
                Varint((ulong)e.Stack);
            return this;
        }

        /// <summary>Appends bytes as they are.</summary>
        public ThreadWriter Bytes(params byte[] bytes)
        {
            _payload.AddRange(bytes);
            return this;
        }

        /// <summary>Goes on in another interval, in a chunk of its own.</summary>
        public ThreadWriter Interval(uint number)
        {
            if (_payload.Count > 0)
                Flush();
            _interval = number;
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
                MonoNs = drained ? 0 : StartMonoNs + (_chunkTicks - StartTicks),
                OsTid = (uint)(100 + index),
                Interval = _interval,
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
