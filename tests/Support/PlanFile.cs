using System.IO.Hashing;
using System.Runtime.InteropServices;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;

namespace AllocReplay.Tests.Support;

/// <summary>A plan read back, so that tests can look at what the worker will do.</summary>
internal sealed class PlanFile
{
    private PlanFile(PlanHeader header, PlanThread[] threads, PlanOp[] ops) => (Header, Threads, Ops) = (header, threads, ops);

    public PlanHeader Header { get; }
    public PlanThread[] Threads { get; }
    public PlanOp[] Ops { get; }

    /// <summary>Reads it, and sees to it that it would be taken from a stranger too.</summary>
    public static unsafe PlanFile Read(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        var header = MemoryMarshal.Read<PlanHeader>(bytes);
        Assert.Equal(PlanFormat.Magic, header.Magic);
        Assert.Equal(bytes.Length, header.FileLength);
        fixed (byte* file = bytes)
            Assert.Null(PlanInspection.Fault(file));
        int tableLength = header.ThreadCount * Marshal.SizeOf<PlanThread>();
        var threads = MemoryMarshal.Cast<byte, PlanThread>(bytes.AsSpan((int)header.ThreadsOffset, tableLength));
        var ops = MemoryMarshal.Cast<byte, PlanOp>(bytes.AsSpan((int)header.OpsOffset))[..(int)header.OpCount];
        return new PlanFile(header, threads.ToArray(), ops.ToArray());
    }

    /// <summary>The ops of one thread, in program order.</summary>
    public PlanOp[] Of(int thread) => Ops[(int)Threads[thread].FirstOp..(int)(Threads[thread].FirstOp + Threads[thread].OpCount)];

    /// <summary>The calls of one thread, each with its operand, which is empty where it has none.</summary>
    public List<(PlanOp Op, PlanOp Operand)> CallsOf(int thread)
    {
        PlanOp[] ops = Of(thread);
        return [.. Enumerable.Range(0, ops.Length).Where(i => ops[i].Code < PlanCode.FirstNonCall)
            .Select(i => (ops[i], PlanCode.HasOperand((CallKind)ops[i].Code) ? ops[i - 1] : default))];
    }

    /// <summary>Changes a plan file and gives it the checksum that its bytes then have, as somebody would who means harm.</summary>
    public static unsafe void Forge(string path, Action<byte[]> change)
    {
        byte[] bytes = File.ReadAllBytes(path);
        change(bytes);
        var hash = new XxHash3();
        hash.Append(bytes.AsSpan(sizeof(PlanHeader)));
        hash.Append(bytes.AsSpan(0, sizeof(PlanHeader) - sizeof(ulong)));
        BitConverter.TryWriteBytes(bytes.AsSpan(sizeof(PlanHeader) - sizeof(ulong)), hash.GetCurrentHashAsUInt64());
        File.WriteAllBytes(path, bytes);
    }

    /// <summary>The threads of a plan file's bytes, to be changed.</summary>
    public static Span<PlanThread> ThreadsOf(byte[] bytes)
    {
        var header = MemoryMarshal.Read<PlanHeader>(bytes);
        return MemoryMarshal.Cast<byte, PlanThread>(bytes.AsSpan((int)header.ThreadsOffset))[..header.ThreadCount];
    }

    /// <summary>Compiles a recording to a temporary plan.</summary>
    public static ReplayPlan Compile(string recording, ReplayOrder order = ReplayOrder.Deps)
    {
        using TraceReader reader = TraceReader.Open(recording);
        return ReplayPlan.Compile(reader, new PlanOptions { Order = order });
    }
}
