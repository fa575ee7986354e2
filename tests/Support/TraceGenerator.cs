using AllocReplay.Formats.Calls;

namespace AllocReplay.Tests.Support;

/// <summary>Makes random traces that a real program could have left: every block has one owner, addresses are reused.</summary>
internal sealed class TraceGenerator
{
    private const ulong AddressBase = 0x7f00_0000_0000;
    private const int AddressStep = 1 << 16;

    private static readonly CallKind[] Acquisitions =
    [
        CallKind.Malloc, CallKind.Malloc, CallKind.Malloc, CallKind.Calloc, CallKind.PosixMemalign, CallKind.AlignedAlloc, CallKind.Memalign,
        CallKind.Valloc, CallKind.Pvalloc, CallKind.New, CallKind.NewArrayNothrow, CallKind.NewAligned,
    ];

    private readonly Random _random;
    private readonly RecordingWriter _writer;
    private readonly bool _latency;
    private readonly List<(ulong Address, CallKind Kind, ulong Size, ulong Alignment)> _live = [];
    private readonly Stack<ulong> _free = [];
    private ulong _next = AddressBase;
    private long _ns;

    private readonly Dictionary<int, long> _busyUntil = [];

    private TraceGenerator(int seed, string directory, bool latency, string image) =>
        (_random, _writer, _latency) = (new Random(seed), new RecordingWriter(directory, image) { Latency = latency }, latency);

    /// <summary>Writes a recording: calls of random threads on random blocks, some of which are left at the end.</summary>
    /// <param name="directory">Where it goes; made where it is not there.</param>
    /// <param name="seed">Same seed, same trace.</param>
    /// <param name="threads">Threads, the first included.</param>
    /// <param name="calls">Calls, not counting the releases at the end.</param>
    /// <param name="latency">Calls take time then, and those of different threads overlap.</param>
    /// <param name="image">Name of the process image.</param>
    public static void Write(string directory, int seed, int threads, int calls, bool latency = false, string image = RecordingWriter.ImageName)
    {
        Directory.CreateDirectory(directory);
        var generator = new TraceGenerator(seed, directory, latency, image);
        generator.Run(threads, calls);
        generator._writer.Save();
    }

    private void Run(int threads, int calls)
    {
        _writer.Thread(0);
        for (int child = 1; child < threads; child++)
        {
            int parent = _random.Next(child);
            Emit(parent, CallKind.ThreadCreate, otherThread: child);
            Emit(child, CallKind.ThreadStart, otherThread: parent);
        }
        for (int i = 0; i < calls; i++)
            Call(_random.Next(threads));
        while (_live.Count > calls / 16)
            Release(_random.Next(threads));
        for (int thread = 0; thread < threads; thread++)
            Emit(thread, CallKind.ThreadExit);
    }

    /// <summary>An event later than all before it, in its thread at least when its call before has ended.</summary>
    private void Emit(int thread, CallKind kind, ulong address = 0, ulong size = 0, ulong count = 1, ulong alignment = 0, int otherThread = -1)
    {
        long before = _busyUntil.GetValueOrDefault(thread);
        _ns = Math.Max(_ns, before) + 16;
        // Stamped at its end a call reaches back, stamped at its beginning it reaches on.
        long duration = !_latency || CallKinds.IsThreadEvent(kind) || CallKinds.IsReallocBegin(kind) ? 0 : _random.Next(12) * 8;
        bool isRelease = CallKinds.IsDeallocation(kind);
        if (!isRelease)
            duration = Math.Min(duration, _ns - before);
        _busyUntil[thread] = _ns + (isRelease ? duration : 0);
        _writer.Thread(thread).Event(_ns, kind, address, size, count, alignment, otherThread, (ulong)duration >> RecordingWriter.TickShift);
    }

    private void Call(int thread)
    {
        switch (_random.Next(20))
        {
            case < 8:
                Acquire(thread);
                break;
            case < 10 when _live.Count > 0:
                Reallocate(thread);
                break;
            case 10:
                Emit(thread, CallKind.Malloc, 0, ulong.MaxValue - (ulong)_random.Next(1000));
                break;
            case 11:
                Emit(thread, CallKind.Free);
                break;
            default:
                Release(thread);
                break;
        }
    }

    private void Acquire(int thread)
    {
        CallKind kind = Acquisitions[_random.Next(Acquisitions.Length)];
        ulong alignment = (CallKinds.Fields(kind) & CallFields.Alignment) != 0 ? 16UL << _random.Next(6) : 0;
        ulong size = RandomSize();
        if (kind == CallKind.AlignedAlloc)
            size = (size + alignment - 1) / alignment * alignment;
        ulong address = TakeAddress();
        _live.Add((address, kind, size, alignment));
        Emit(thread, kind, address, size, kind == CallKind.Calloc ? (ulong)_random.Next(1, 5) : 1, alignment);
    }

    private void Reallocate(int thread)
    {
        int index = _random.Next(_live.Count);
        var block = _live[index];
        // Reallocating what operator new gave is an error of the program; freeing an aligned block by realloc is not.
        if (block.Kind >= CallKind.New)
            return;
        bool failed = _random.Next(10) == 0;
        ulong size = failed ? ulong.MaxValue >> 1 : 1 + RandomSize();
        bool array = !failed && _random.Next(3) == 0;
        ulong address = failed ? 0 : TakeAddress();
        Emit(thread, array ? CallKind.ReallocArrayBegin : CallKind.ReallocBegin, block.Address, size, array ? 2UL : 1);
        Emit(thread, array ? CallKind.ReallocArrayEnd : CallKind.ReallocEnd, address);
        if (failed)
            return;
        _free.Push(block.Address);
        _live[index] = (address, CallKind.Malloc, size, 0);
    }

    private void Release(int thread)
    {
        if (_live.Count == 0)
            return;
        int index = _random.Next(_live.Count);
        var block = _live[index];
        _live[index] = _live[^1];
        _live.RemoveAt(_live.Count - 1);
        _free.Push(block.Address);
        CallKind kind = block.Kind switch
        {
            CallKind.New => _random.Next(2) == 0 ? CallKind.Delete : CallKind.DeleteSized,
            CallKind.NewArrayNothrow => CallKind.DeleteArrayNothrow,
            CallKind.NewAligned => CallKind.DeleteSizedAligned,
            CallKind.Malloc when _random.Next(8) == 0 => CallKind.FreeSized,
            _ => CallKind.Free,
        };
        Emit(thread, kind, block.Address, block.Size, alignment: block.Alignment);
    }

    private ulong RandomSize() => _random.Next(32) switch
    {
        0 => 0,
        1 => (ulong)_random.Next(1 << 16),
        _ => (ulong)_random.Next(16, 512),
    };

    private ulong TakeAddress()
    {
        if (_free.TryPop(out ulong address))
            return address;
        return _next += AddressStep;
    }
}
