using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Packed;
using AllocReplay.Formats.Stacks;

namespace AllocReplay.Fuzz;

/// <summary>A reader did what it must not: threw something else than <see cref="TraceFormatException"/>, or contradicted itself.</summary>
public sealed class FindingException(string message) : Exception(message);

/// <summary>Reads one input in every way there is. What comes out of it must be events, damage or <see cref="TraceFormatException"/>.</summary>
internal sealed class Target(bool plant)
{
    /// <summary>Of an input: they have frames in common.</summary>
    private const int StacksRead = 32;

    /// <summary>The message of the damage or refusal, or null when the input was read whole.</summary>
    public string? Message { get; private set; }

    /// <summary>Events that the last input gave.</summary>
    public long Events { get; private set; }

    public void Run(FuzzInput input, bool repack)
    {
        Message = null;
        Events = 0;
        try
        {
            using TraceReader reader = input.IsPack ? TraceReader.OpenPack(input.Pack) : TraceReader.OpenImage(input.Folder);
            Read(reader, repack);
        }
        catch (TraceFormatException refusal)
        {
            Message = refusal.Message;
        }
    }

    private void Read(TraceReader reader, bool repack)
    {
        Totals all = ReadMerged(reader);
        TraceFormatException? damage = reader.Damage ?? StackDamage(reader);
        Totals threads = default;
        long middle = all.LastNs / 2, atMiddle = 0;
        for (int thread = 0; thread < reader.Threads.Count; thread++)
        {
            try
            {
                long last = 0;
                foreach (TraceEvent e in reader.ReadThread(thread))
                {
                    if (e.TimeNs < last)
                        throw new FindingException($"thread {thread} runs backwards from {last} to {e.TimeNs} ns");
                    last = e.TimeNs;
                    threads.Add(e);
                    atMiddle += e.TimeNs >= middle ? 1 : 0;
                }
            }
            catch (TraceFormatException e)
            {
                damage ??= e;
                Message = e.Message;
            }
        }
        reader.Seek(middle);
        Totals rest = ReadMerged(reader);
        Message ??= damage?.Message ?? reader.Damage?.Message;
        Events = all.Count;
        if (damage is null)
        {
            Same("events of all threads", all.Count, threads.Count);
            Same("the sum of all threads", all.Sum, threads.Sum);
            Same("events after the middle", atMiddle, rest.Count);
        }
        if (repack)
            Repack(reader, all, damage);
    }

    private Totals ReadMerged(TraceReader reader)
    {
        Totals totals = default;
        int stacks = 0;
        while (reader.Read(out TraceEvent e))
        {
            if (plant && e.Size == 0x7f && e.Kind == CallKind.Calloc)
                throw new InvalidOperationException("planted");
            totals.Add(e);
            if (e.Stack > 0 && stacks++ < StacksRead)
                ReadStack(reader, e.Stack);
        }
        return totals;
    }

    /// <summary>What is wrong with stacks or symbols that no event led to: whoever packs the trace meets it.</summary>
    private static TraceFormatException? StackDamage(TraceReader reader)
    {
        try
        {
            _ = (reader.Frames, reader.Symbols);
            return null;
        }
        catch (TraceFormatException damage)
        {
            return damage;
        }
    }

    private static void ReadStack(TraceReader reader, int stack)
    {
        IReadOnlyList<Frame> frames = reader.Frames.Of(stack, out _);
        _ = SiteHash.Of(frames, reader.Symbols);
        foreach (StackLine line in reader.Symbols.Lines(frames))
            if (line.Name.Length == 0)
                throw new FindingException($"stack {stack} has a function without a name");
    }

    private void Repack(TraceReader reader, in Totals all, TraceFormatException? damage)
    {
        using var file = new MemoryStream();
        TracePacker.PackImage(reader, file, partial: true);
        using TraceReader again = TraceReader.OpenPack(ByteSource.OfBytes("repacked", file.ToArray()));
        Totals packed = ReadMerged(again);
        if (damage is not null)
            return;
        if (again.Damage is not null)
            throw new FindingException($"packed anew it is damaged: {again.Damage.Message}");
        Same("events packed anew", all.Count, packed.Count);
        Same("the sum packed anew", all.Sum, packed.Sum);
    }

    private static void Same(string what, long expected, long found)
    {
        if (expected != found)
            throw new FindingException($"expected {expected} for {what}, found {found}");
    }

    private struct Totals
    {
        public long Count;
        public long LastNs;
        public long Sum;

        /// <summary>A sum does not depend on the order across threads.</summary>
        public void Add(in TraceEvent e)
        {
            Count++;
            LastNs = Math.Max(LastNs, e.TimeNs);
            Sum += HashCode(e);
        }

        private static long HashCode(in TraceEvent e)
        {
            ulong hash = (ulong)e.TimeNs * 0x9e3779b97f4a7c15 + e.Address;
            hash = (hash ^ hash >> 29) * 0xbf58476d1ce4e5b9 + e.Size + (ulong)e.DurationNs + ((ulong)e.Stack << 23);
            // The end of a reallocation has its request from the merge only.
            if (CallKinds.IsReallocEnd(e.Kind))
                hash -= e.Size;
            else
                hash += e.Count << 17;
            return (long)((hash ^ hash >> 32) * 0x94d049bb133111eb
                + (e.Alignment ^ (ulong)e.Kind << 8 ^ (ulong)e.Thread << 16 ^ (ulong)e.Interval << 32 ^ (ulong)e.OtherThread << 40));
        }
    }
}
