using System.Runtime.InteropServices;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Replayer;

/// <summary>Plans that were kept, and those of somebody who means harm.</summary>
public sealed class KeptPlanTests : IDisposable
{
    private const int Seed = 20261126;

    private readonly TemporaryDirectory _directory = new();
    private readonly RecordingWriter _writer;
    private readonly string _plan;

    public KeptPlanTests()
    {
        Directory.CreateDirectory(_directory["trace"]);
        _writer = new RecordingWriter(_directory["trace"]);
        _plan = _directory["t.plan"];
    }

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(ReplayOrder.Deps)]
    [InlineData(ReplayOrder.Exact)]
    [InlineData(ReplayOrder.Total)]
    public void A_plan_of_the_very_trace_is_taken_with_all_that_is_known_of_it(ReplayOrder order)
    {
        using ReplayPlan made = Keep(new PlanOptions { Order = order });
        using ReplayPlan taken = Open(new PlanOptions { Order = order });
        Assert.True(taken.IsTaken);
        Assert.Equal(made.Counts.Waits, taken.Counts.Waits);
        Assert.Equal((made.Trace, made.Merge, made.Image, made.Order), (taken.Trace, taken.Merge, taken.Image, taken.Order));
        Assert.Equal(made.Expected, taken.Expected);
        Assert.Equal(made.Departures, taken.Departures);
        Assert.Equal(made.ThreadNames, taken.ThreadNames);
        taken.Dispose();
        Assert.True(File.Exists(_plan));
    }

    [Fact]
    public void A_plan_of_anything_else_is_not()
    {
        Keep(new PlanOptions()).Dispose();
        Assert.Equal(PlanFileProblem.Another, ProblemOf(new PlanOptions { Order = ReplayOrder.Total }));
        Assert.Equal(PlanFileProblem.Another, ProblemOf(new PlanOptions { IsTimed = true }));
        _writer.Thread(1).Malloc(5000, 0x7000, 16);
        _writer.Save();
        Assert.Equal(PlanFileProblem.Another, ProblemOf(new PlanOptions()));
        File.WriteAllText(_plan, new string('x', 1000));
        Assert.Equal(PlanFileProblem.NoPlan, ProblemOf(new PlanOptions()));
    }

    [Fact]
    public void The_plan_of_a_damaged_trace_stands_for_no_other()
    {
        _writer.Thread(0).Malloc(100, 0x1000, 32).Bytes(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
        _writer.Save();
        using (TraceReader reader = TraceReader.Open(_directory["trace"]))
            ReplayPlan.Compile(reader, keepAs: _plan, token: TestContext.Current.CancellationToken).Dispose();
        Assert.Equal(PlanFileProblem.Another, ProblemOf(new PlanOptions()));
    }

    /// <summary>With the checksum that it has then, and without: refused, or a plan that a program could have. Never another exception.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void No_change_of_its_bytes_makes_a_plan_that_breaks_the_reader(bool forged)
    {
        Keep(new PlanOptions { Order = ReplayOrder.Exact }).Dispose();
        byte[] whole = File.ReadAllBytes(_plan);
        var random = new Random(Seed);
        int taken = 0;
        for (int i = 0; i < 3000; i++)
        {
            File.WriteAllBytes(_plan, whole);
            int at = random.Next(whole.Length);
            byte value = random.Next(3) == 0 ? (byte)0xff : (byte)random.Next(256);
            if (whole[at] == value)
                continue;
            if (forged)
                PlanFile.Forge(_plan, bytes => bytes[at] = value);
            else
                File.WriteAllBytes(_plan, [.. whole[..at], value, .. whole[(at + 1)..]]);
            taken += ProblemOf(new PlanOptions { Order = ReplayOrder.Exact }) is null ? 1 : 0;
        }
        Assert.True(forged || taken == 0, $"seed {Seed}: {taken} changes were not noticed");
    }

    [Theory]
    [InlineData("gives up", "gives up a block that is not its own")]
    [InlineData("leftover", "has no block that is left over")]
    [InlineData("published", "is published or awaited, but not both")]
    [InlineData("overlap", "are not where they belong")]
    [InlineData("circle", "wait for one another")]
    [InlineData("kept", "has marks that no call has")]
    [InlineData("slots", "slots for")]
    public void What_a_stranger_may_have_put_into_it_is_found(string fault, string message)
    {
        Keep(new PlanOptions { Order = ReplayOrder.Total }).Dispose();
        PlanFile.Forge(_plan, bytes => Plant(fault, bytes));
        var e = Assert.Throws<PlanFileException>(() => Open(new PlanOptions { Order = ReplayOrder.Total }));
        Assert.Equal(PlanFileProblem.Damaged, e.Problem);
        Assert.Contains(message, e.Message);
        Assert.DoesNotContain('\n', e.Message);
    }

    /// <summary>Of a window, whose prologue may be longer or shorter than it should be, or wait for what comes after it.</summary>
    [Theory]
    [InlineData("longer", "the prologue of thread 1 is longer than its ops")]
    [InlineData("negative", "the prologue of thread 1 is longer than its ops")]
    [InlineData("cut", "is the argument of no call")]
    [InlineData("waits", "waits for what comes after it")]
    [InlineData("late", "waits for what comes after it")]
    [InlineData("time", "its header does not fit")]
    public void What_a_stranger_may_have_put_into_a_prologue_is_found(string fault, string message)
    {
        Write();
        CutTrace.After(_directory["trace"], 8);
        var options = new PlanOptions { Order = ReplayOrder.Total };
        Compile(options).Dispose();
        Open(options).Dispose();
        PlanFile.Forge(_plan, bytes => PlantInPrologue(fault, bytes));
        var e = Assert.Throws<PlanFileException>(() => Open(options));
        Assert.Equal(PlanFileProblem.Damaged, e.Problem);
        Assert.Contains(message, e.Message);
    }

    private static void PlantInPrologue(string fault, byte[] bytes)
    {
        ref PlanHeader header = ref MemoryMarshal.AsRef<PlanHeader>(bytes.AsSpan());
        Span<PlanThread> threads = PlanFile.ThreadsOf(bytes);
        Span<PlanOp> ops = MemoryMarshal.Cast<byte, PlanOp>(bytes.AsSpan((int)header.OpsOffset))[..(int)header.OpCount];
        switch (fault)
        {
            case "longer":
                threads[1].PrologueOps = threads[1].OpCount + 1;
                break;
            case "negative":
                threads[1].PrologueOps = -1;
                break;
            case "cut": // between a call and its argument
                int first = (int)threads[1].FirstOp, operand = first;
                while (ops[operand].Code != PlanCode.Operand)
                    operand++;
                threads[1].PrologueOps = operand + 1 - first;
                break;
            case "waits": // all of a thread before the window, whose waits are for the window of another
                threads[1].PrologueOps = threads[1].OpCount;
                break;
            case "late": // a thread that the window creates
                for (int i = 0; i < ops.Length; i++)
                    if (ops[i].Code == PlanCode.Spawn)
                        threads[(int)ops[i].Slot].PrologueOps = 1;
                break;
            default:
                header.CutNs = -2;
                break;
        }
    }

    private static void Plant(string fault, byte[] bytes)
    {
        ref PlanHeader header = ref MemoryMarshal.AsRef<PlanHeader>(bytes.AsSpan());
        Span<PlanThread> threads = MemoryMarshal.Cast<byte, PlanThread>(bytes.AsSpan((int)header.ThreadsOffset))[..header.ThreadCount];
        Span<PlanOp> ops = MemoryMarshal.Cast<byte, PlanOp>(bytes.AsSpan((int)header.OpsOffset))[..(int)header.OpCount];
        Span<uint> leftovers = MemoryMarshal.Cast<byte, uint>(bytes.AsSpan((int)header.LeftoverOffset))[..(int)header.LeftoverCount];
        int Find(Span<PlanOp> all, Predicate<PlanOp> wanted, int after = -1)
        {
            for (int i = after + 1; i < all.Length; i++)
                if (wanted(all[i]))
                    return i;
            throw new InvalidOperationException("the plan has no such op");
        }

        switch (fault)
        {
            case "gives up": // the second of two blocks twice
                int first = Find(ops, o => o.Code == (byte)CallKind.Free);
                ops[first].Slot = ops[Find(ops, o => o.Code == (byte)CallKind.Free, first)].Slot;
                break;
            case "leftover":
                leftovers[0] = leftovers[1];
                break;
            case "published":
                uint crossing = ops[Find(ops, o => o.Code == (byte)CallKind.Free, (int)threads[1].FirstOp)].Slot;
                ops[Find(ops, o => o.Code == (byte)CallKind.Malloc && o.Slot == crossing)].Flags |= PlanFlags.Publish;
                break;
            case "overlap":
                threads[1].FirstOp--;
                break;
            case "circle": // its first wait is for what comes last of the other, which waits for what comes then
                int last = (int)threads[1].OpCount - 1;
                while ((ops[(int)threads[1].FirstOp + last].Flags & PlanFlags.Signal) == 0)
                    last--;
                ops[Find(ops, o => o.Code == PlanCode.Await)].Size = (ulong)last + 1;
                break;
            case "kept":
                ops[Find(ops, o => o.Code == (byte)CallKind.Malloc)].Flags |= PlanFlags.Keep;
                break;
            default:
                header.SlotCount = uint.MaxValue;
                break;
        }
    }

    private ReplayPlan Keep(PlanOptions options)
    {
        Write();
        return Compile(options);
    }

    private ReplayPlan Compile(PlanOptions options)
    {
        using TraceReader reader = TraceReader.Open(_directory["trace"]);
        return ReplayPlan.Compile(reader, options, _plan);
    }

    private void Write()
    {
        _writer.Thread(0).Malloc(100, 0x1000, 32).Malloc(200, 0x2000, 64).Malloc(300, 0x3000, 8).Free(500, 0x2000).Malloc(700, 0x5000, 8).Free(900, 0x4000)
            .Free(950, 0x5000);
        _writer.Thread(1).Malloc(150, 0x4000, 128).Free(400, 0x1000).Realloc(600, 620, 0x3000, 0x6000, 80).Free(800, 0x9000).Malloc(960, 0x8000, 8)
            .Malloc(970, 0x8100, 8);
        _writer.Thread(0).Event(980, CallKind.ThreadCreate, otherThread: 2);
        _writer.Thread(2).Event(990, CallKind.ThreadStart, otherThread: 0).Malloc(1000, 0x8200, 8);
        _writer.Save();
    }

    private ReplayPlan Open(PlanOptions options)
    {
        using TraceReader reader = TraceReader.Open(_directory["trace"]);
        return ReplayPlan.Open(_plan, PlanIdentity.Of(reader, options));
    }

    private PlanFileProblem? ProblemOf(PlanOptions options)
    {
        try
        {
            Open(options).Dispose();
            return null;
        }
        catch (PlanFileException e)
        {
            return e.Problem;
        }
    }
}
