using System.Text.Json;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Worker;

/// <summary>A live block: which call acquired it, and its size. All zero where there is none.</summary>
internal struct BlockRecord
{
    public ulong Origin;
    public nuint Size;
}

/// <summary>One fault, as it was found.</summary>
internal unsafe struct BlockFinding
{
    public long TimeNs;
    /// <summary>The call that found it; 0: nobody, the block was there when all threads had ended.</summary>
    public ulong FoundBy;
    /// <summary>The call that acquired the block, and what it asked for.</summary>
    public ulong Block;
    public nuint Size;
    public nuint Alignment;
    public byte* Address;
    /// <summary>The first byte of the block that is wrong.</summary>
    public nuint Offset;
    /// <summary>The call that acquired the other block, or 0.</summary>
    public ulong Other;
}

internal struct BlockTally
{
    public long Count;
    public BlockFinding First;
}

/// <summary>What a thread needs to check blocks. Lives outside any heap.</summary>
internal unsafe struct BlockTables
{
    /// <summary>By slot, of all threads.</summary>
    public BlockRecord* Records;
    /// <summary>The block that the call under way has given up, and where it was.</summary>
    public BlockRecord Held;
    public byte* HeldAddress;
    /// <summary>By <see cref="BlockFaultKind"/>.</summary>
    public BlockTally* Tallies;

    /// <summary>Makes the tables of all threads.</summary>
    public static void Prepare(Replay* replay)
    {
        if (replay->ThreadCount >> BlockOrigin.ThreadBits != 0 || replay->OpCount >> BlockOrigin.OpBits != 0)
            Worker.Fail("too long a trace to check its blocks: "u8, replay->OpCount, " ops"u8);
        BlockRecord* records = (BlockRecord*)Libc.Map((nuint)replay->SlotCount * (nuint)sizeof(BlockRecord));
        for (int i = 0; i < replay->ThreadCount; i++)
        {
            BlockTables* tables = (BlockTables*)Libc.Map((nuint)(sizeof(BlockTables) + RunProgressFile.Kinds * sizeof(BlockTally)));
            *tables = new BlockTables { Records = records, Tallies = (BlockTally*)(tables + 1) };
            replay->Threads[i].Instrument = tables;
        }
    }

    /// <summary>Looks at the blocks that the trace leaves, when all threads have ended or are done. A wrong one is not to be released.</summary>
    public static void CheckLeftovers(Replay* replay)
    {
        for (long i = 0; i < replay->LeftoverCount; i++)
            if (!BlockCheck.CheckLeftover(replay->Threads, replay->Leftovers[i]))
                replay->Slots[replay->Leftovers[i]] = 0;
    }

    /// <summary>Writes how many faults of each kind there are, and the first of them.</summary>
    public static void Write(Utf8JsonWriter json, Replay* replay)
    {
        json.WriteStartArray("faults");
        for (int kind = 0; kind < RunProgressFile.Kinds; kind++)
        {
            BlockTally sum = default;
            for (int i = 0; i < replay->ThreadCount; i++)
            {
                BlockTally tally = ((BlockTables*)replay->Threads[i].Instrument)->Tallies[kind];
                if (tally.Count > 0 && (sum.Count == 0 || tally.First.TimeNs < sum.First.TimeNs))
                    sum.First = tally.First;
                sum.Count += tally.Count;
            }
            if (sum.Count > 0)
                Write(json, replay, kind, sum);
        }
        json.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter json, Replay* replay, int kind, in BlockTally tally)
    {
        BlockFinding first = tally.First;
        json.WriteStartObject();
        json.WriteNumber("kind", kind);
        json.WriteNumber("count", tally.Count);
        WriteCall(json, replay, "found_by", first.FoundBy);
        WriteCall(json, replay, "block", first.Block);
        WriteCall(json, replay, "other", first.Other);
        json.WriteNumber("size", first.Size);
        json.WriteNumber("address", (nuint)first.Address);
        json.WriteNumber("offset", first.Offset);
        json.WriteNumber("alignment", first.Alignment);
        json.WriteEndObject();
    }

    private static void WriteCall(Utf8JsonWriter json, Replay* replay, string name, ulong origin)
    {
        json.WritePropertyName(name);
        if (!BlockOrigin.TryName(replay, origin, out ReplayThread* thread, out PlanOp* call))
        {
            json.WriteNullValue();
            return;
        }
        long index = 0;
        for (PlanOp* op = thread->First; op != call; op++)
            index += CallTable.IsCall(op->Code) ? 1 : 0;
        json.WriteStartObject();
        json.WriteNumber("thread", thread->Index);
        json.WriteNumber("index", index);
        json.WriteNumber("kind", call->Code);
        json.WriteEndObject();
    }
}
