using System.IO.Hashing;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Scratch;

namespace AllocReplay.Replayer.Plan;

/// <summary>Lays a compiled plan out in its file: all slots get their final numbers, each thread's ops come in a row.</summary>
/// <remarks>What has been written is given up in the spill, so the disk never holds both as a whole.</remarks>
internal static unsafe class PlanWriter
{
    private const int BufferOps = 4096;

    public static void Write(
        Stream output, ReplayOrder order, IReadOnlyList<PlanThreadBuilder> threads, long sharedSlots, int mainThread, long? cutNs,
        IEnumerable<(int Thread, uint Slot)> leftovers, PlanCounts counts, Spill spill, Func<byte[]> facts)
    {
        // Slot 0 is the null pointer's. The first line is left to it: it is read by all threads and written by none.
        long[] ownBase = new long[threads.Count];
        long slots = PlanFormat.SlotsPerLine;
        var table = new PlanThread[threads.Count];
        long ops = 0;
        for (int i = 0; i < threads.Count; i++)
        {
            ownBase[i] = slots;
            slots += (threads[i].OwnSlots + PlanFormat.SlotsPerLine - 1L) / PlanFormat.SlotsPerLine * PlanFormat.SlotsPerLine;
            table[i] = new PlanThread
            {
                FirstOp = ops,
                OpCount = threads[i].Ops.Count,
                PrologueOps = threads[i].PrologueOps,
                Parent = threads[i].Parent,
                Flags = (threads[i].IsExitAwaited ? PlanThreadFlags.ExitAwaited : 0) | (threads[i].HasExited || i == mainThread ? 0 : PlanThreadFlags.Stays),
            };
            ops += threads[i].Ops.Count;
        }
        long sharedBase = slots;
        slots += sharedSlots;
        if (slots > uint.MaxValue)
            throw new ReplayException(ReplayFailure.NotPossible, $"the trace needs {slots:N0} slots for blocks, a plan has {uint.MaxValue:N0}");
        counts.Slots = slots;
        counts.SpawnedThreads = threads.Count(t => t.Parent >= 0);

        var header = new PlanHeader
        {
            Magic = PlanFormat.Magic,
            Version = PlanFormat.Version,
            Order = order,
            ThreadCount = threads.Count,
            MainThread = mainThread,
            OpCount = ops,
            SlotCount = slots,
            CutNs = cutNs ?? -1,
            ThreadsOffset = Unsafe.SizeOf<PlanHeader>(),
        };
        header.OpsOffset = header.ThreadsOffset + (long)threads.Count * Unsafe.SizeOf<PlanThread>();
        // Blocks that nobody released have a slot of their thread's own.
        uint[] left = [.. leftovers.Select(b => (uint)(ownBase[b.Thread] + b.Slot))];
        header.LeftoverOffset = header.OpsOffset + ops * Unsafe.SizeOf<PlanOp>();
        header.LeftoverCount = left.Length;
        header.FileLength = (header.LeftoverOffset + left.Length * sizeof(uint) + 7) & ~7L;
        bool isTimed = threads.Any(t => t.Times is not null);
        if (isTimed)
        {
            header.TimesOffset = header.FileLength;
            header.FileLength += ops * sizeof(long);
        }
        byte[] told = facts();
        header.FactsOffset = header.FileLength;
        header.FactsLength = told.Length;
        header.FileLength += told.Length;
        // The header comes last: a plan that is not whole is none.
        output.Write(new byte[Unsafe.SizeOf<PlanHeader>()]);
        var hash = new XxHash3();
        void Put(ReadOnlySpan<byte> bytes)
        {
            output.Write(bytes);
            hash.Append(bytes);
        }
        Put(MemoryMarshal.AsBytes<PlanThread>(table));
        var buffer = new PlanOp[BufferOps];
        for (int i = 0; i < threads.Count; i++)
        {
            foreach ((nint start, int count) in threads[i].Ops.Chunks())
            {
                WriteOps(Put, new ReadOnlySpan<PlanOp>((void*)start, count), buffer, (uint)ownBase[i], (uint)sharedBase);
                spill.Discard(start, (long)count * sizeof(PlanOp));
            }
        }
        Put(MemoryMarshal.AsBytes<uint>(left));
        Put(new byte[-left.Length * sizeof(uint) & 7]);
        foreach ((nint start, int count) in threads.SelectMany(t => t.Times?.Chunks() ?? []))
        {
            Put(new ReadOnlySpan<byte>((void*)start, count * sizeof(long)));
            spill.Discard(start, (long)count * sizeof(long));
        }
        Put(told);
        hash.Append(HeadOf(in header));
        header.Checksum = hash.GetCurrentHashAsUInt64();
        output.Position = 0;
        output.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<PlanHeader>(in header)));
    }

    /// <summary>What the checksum has of a header.</summary>
    public static ReadOnlySpan<byte> HeadOf(ref readonly PlanHeader header) =>
        MemoryMarshal.AsBytes(new ReadOnlySpan<PlanHeader>(in header))[..^sizeof(ulong)];

    private static void WriteOps(Action<ReadOnlySpan<byte>> put, ReadOnlySpan<PlanOp> ops, PlanOp[] buffer, uint ownBase, uint sharedBase)
    {
        while (ops.Length > 0)
        {
            int count = Math.Min(ops.Length, buffer.Length);
            for (int i = 0; i < count; i++)
            {
                PlanOp op = ops[i];
                op.Slot += op.SlotKind switch { SlotKind.Own => ownBase, SlotKind.Shared => sharedBase, _ => 0 };
                op.SlotKind = SlotKind.Null;
                buffer[i] = op;
            }
            put(MemoryMarshal.AsBytes(buffer.AsSpan(0, count)));
            ops = ops[count..];
        }
    }
}
