using System.Runtime.InteropServices;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Formats;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Recording;

namespace AllocReplay.Tests.Support;

/// <summary>What the target accounted.c says of its blocks, by the counter that events are stamped by: struct record.</summary>
internal readonly record struct AccountedBlock
{
    private readonly ulong _bornFrom, _bornTo, _diedFrom, _diedTo;

    public AccountedBlock(ulong address, ulong size) => (Address, Size) = (address, size);

    private AccountedBlock(ReadOnlySpan<ulong> words)
    {
        (Address, Size, _bornFrom, _bornTo, _diedFrom, _diedTo) = (words[0], words[1], words[2], words[3], words[4], words[5]);
        (Taker, Giver) = ((uint)words[6], (uint)(words[6] >> 32));
    }

    public ulong Address { get; }

    public ulong Size { get; }

    /// <summary>The kernel's ids of the threads that acquired and released it.</summary>
    public uint Taker { get; }

    public uint Giver { get; }

    public bool IsLive => _diedFrom == 0;

    public static AccountedBlock[] Read(string path)
    {
        const int words = 7;
        ulong[] all = MemoryMarshal.Cast<byte, ulong>(File.ReadAllBytes(path)).ToArray();
        return [.. Enumerable.Range(0, all.Length / words).Select(i => new AccountedBlock(all.AsSpan(i * words, words)))];
    }

    /// <summary>Whether a row of the trace is of this block's acquisition.</summary>
    public bool IsAcquiredBy(in AllocationRow row, Clock clock, int shift) => row.Size == (long)Size
        && row.AllocNs >= clock.ToNs(_bornFrom >> shift) && row.AllocNs <= clock.ToNs(_bornTo >> shift);

    /// <summary>Whether it ends there as it did.</summary>
    public bool IsEndedBy(in AllocationRow row, Clock clock, int shift) => IsLive
        ? row.EndKind == EndKind.AliveAtEnd
        : row.EndKind is EndKind.Freed or EndKind.Reallocated && row.EndNs >= clock.ToNs(_diedFrom >> shift) && row.EndNs <= clock.ToNs(_diedTo >> shift);
}

/// <summary>A sampled recording beside the account of the program that was recorded.</summary>
internal sealed class Account
{
    private readonly ILookup<ulong, AccountedBlock> _at;
    private readonly Clock _clock;
    private readonly int _shift;
    private readonly IReadOnlyList<uint> _threads;

    /// <param name="path">The account.</param>
    /// <param name="image">The directory of the process image.</param>
    public Account(string path, string image)
    {
        Blocks = AccountedBlock.Read(path);
        _at = Blocks.ToLookup(b => b.Address);
        using var recording = ProcessRecording.Open(ByteFolder.OfDirectory(image));
        (_clock, _shift) = (recording.Clock, recording.Clock.Rate.Shift);
        _threads = [.. recording.Threads.Select(t => t.OsTid)];
        Sampling = recording.Info.Sampling;
        Rows = [.. Support.Rows.Of(image)];
    }

    public Sampling Sampling { get; }

    public IReadOnlyList<AccountedBlock> Blocks { get; }

    /// <summary>Blocks of the trace, the C library's own too.</summary>
    public IReadOnlyList<AllocationRow> Rows { get; }

    /// <summary>Whether there is a block of the trace whose successor is there too.</summary>
    public bool HasReallocated => Rows.Any(r => r.EndKind == EndKind.Reallocated);

    /// <summary>
    /// The blocks that are in the trace. Each of its rows is of one block of the account, with the same threads and times, but for a few that the C library
    /// acquires for itself.
    /// </summary>
    /// <param name="others">So many at most.</param>
    public List<AccountedBlock> Sampled(int others = 8)
    {
        var sampled = new List<AccountedBlock>();
        int unknown = 0;
        foreach (AllocationRow row in Rows)
        {
            AccountedBlock[] blocks = [.. _at[unchecked((ulong)row.Address)].Where(b => b.IsAcquiredBy(row, _clock, _shift))];
            if (blocks.Length == 0)
            {
                unknown++;
                continue;
            }
            AccountedBlock block = Assert.Single(blocks);
            Assert.True(block.IsEndedBy(row, _clock, _shift), $"{row} does not end as the program says");
            Assert.Equal(block.Taker, _threads[row.AllocThread]);
            if (!block.IsLive)
                Assert.Equal(block.Giver, _threads[row.FreeThread]);
            sampled.Add(block);
        }
        Assert.InRange(unknown, 0, others);
        return sampled;
    }

    /// <summary>Whether a sample agrees with all blocks: no estimate is further from the truth than so many standard errors, by theory.</summary>
    /// <param name="sampled">Those of the sample.</param>
    /// <param name="all">All of them.</param>
    /// <param name="sampling">How they were chosen.</param>
    /// <param name="errors">How many: of 5, one sample in a million is further.</param>
    public static bool Agree(IEnumerable<AccountedBlock> sampled, IReadOnlyList<AccountedBlock> all, Sampling sampling, double errors = 5)
    {
        AccountedBlock[] chosen = [.. sampled];
        return IsNear(_ => 1) && IsNear(b => b.Size) && IsNear(b => b.IsLive ? 1 : 0) && IsNear(b => b.IsLive ? b.Size : 0);

        bool IsNear(Func<AccountedBlock, double> value)
        {
            double estimate = chosen.Sum(b => value(b) * sampling.Weight(b.Size)), truth = all.Sum(value);
            double variance = all.Sum(b => (1 - sampling.Probability(b.Size)) / sampling.Probability(b.Size) * value(b) * value(b));
            return Math.Abs(estimate - truth) <= errors * Math.Sqrt(variance);
        }
    }
}
