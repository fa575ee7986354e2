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

    public static PlanFile Read(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        var header = MemoryMarshal.Read<PlanHeader>(bytes);
        Assert.Equal(PlanFormat.Magic, header.Magic);
        Assert.Equal(bytes.Length, header.FileLength);
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

    /// <summary>Compiles a recording to a temporary plan.</summary>
    public static ReplayPlan Compile(string recording, ReplayOrder order = ReplayOrder.Deps)
    {
        using TraceReader reader = TraceReader.Open(recording);
        return ReplayPlan.Compile(reader, new PlanOptions { Order = order });
    }
}
