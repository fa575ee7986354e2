using AllocReplay.Formats;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Formats;

/// <summary>A pack of a real recording, cut and changed at random: what is read is what was recorded, and damage is said.</summary>
public sealed class PackDamageTests
{
    private const int Seed = 20261123;
    private const int Times = 1000;

    private sealed record Original(byte[] Pack, List<Events.Own>[] Threads);

    private static readonly Lazy<Original> Recorded = new(Record);

    [Fact]
    public void A_cut_pack_is_read_up_to_the_cut()
    {
        (byte[] pack, List<Events.Own>[] threads) = Recorded.Value;
        var random = new Random(Seed);
        int read = 0;
        for (int i = 0; i < Times; i++)
        {
            int cut = random.Next(pack.Length);
            TraceFormatException? damage = Read(pack[..cut], out List<Events.Own>[]? found);
            Assert.True(damage is not null, $"seed {Seed}, cut {cut}: no damage");
            Assert.True(damage.Offset <= cut, $"seed {Seed}, cut {cut}: {damage.Message}");
            if (found is null)
                continue;
            read++;
            for (int thread = 0; thread < threads.Length; thread++)
                Assert.True(found[thread].SequenceEqual(threads[thread].Take(found[thread].Count)), $"seed {Seed}, cut {cut}: thread {thread} differs");
        }
        Assert.InRange(read, Times * 9 / 10, Times); // the image itself is at the beginning
    }

    [Fact]
    public void A_changed_byte_is_noticed_or_means_nothing()
    {
        (byte[] pack, List<Events.Own>[] threads) = Recorded.Value;
        var random = new Random(Seed);
        int unnoticed = 0;
        for (int i = 0; i < Times; i++)
        {
            // Every other one in the headers at the beginning, or in the end, where a random place is seldom.
            int at = (i % 4) switch { 0 => random.Next(Math.Min(400, pack.Length)), 1 => pack.Length - 1 - random.Next(200), _ => random.Next(pack.Length) };
            byte was = pack[at];
            byte[] changed = [.. pack];
            changed[at] ^= (byte)random.Next(1, 256);
            if (Read(changed, out List<Events.Own>[]? found) is not null)
                continue;
            unnoticed++;
            Assert.True(at < 16,
                $"seed {Seed}: {was:x2} at {at} was changed to {changed[at]:x2} and nothing was said"); // minor version, and what it may define
            for (int thread = 0; thread < threads.Length; thread++)
                Assert.Equal(threads[thread], found![thread]);
        }
        Assert.InRange(unnoticed, 0, Times / 20);
    }

    /// <summary>Reads in every way. Returns the refusal or the damage; the events are null when it was refused.</summary>
    private static TraceFormatException? Read(byte[] pack, out List<Events.Own>[]? threads)
    {
        threads = null;
        try
        {
            using TraceReader reader = PackFrames.Open(pack);
            threads = [.. reader.Threads.Select(t => Events.OfThread(reader, t.Index))];
            while (reader.Read(out _))
            {
            }
            return reader.Damage;
        }
        catch (TraceFormatException refusal)
        {
            return refusal;
        }
    }

    /// <summary>Records a program of several threads, and packs it in many blocks.</summary>
    private static Original Record()
    {
        using var directory = new TemporaryDirectory();
        ProgramResult result = Programs.AllocReplay("record", "-o", directory["r.allocrec"], "--", Targets.Build("known_calls.c"));
        Assert.True(result.ExitCode == 0, result.Error);
        using TraceReader reader = TraceReader.Open(directory["r.allocrec"]);
        byte[] pack = PackFrames.Pack(reader, blockEvents: 256);
        Assert.True(reader.Threads.Count > 4);
        Assert.Null(Read(pack, out List<Events.Own>[]? threads));
        for (int thread = 0; thread < threads!.Length; thread++)
            Assert.Equal(Events.OfThread(reader, thread), threads[thread]);
        return new Original(pack, threads);
    }
}
