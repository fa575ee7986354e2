using AllocReplay.Formats.Merge;
using CsCheck;

namespace AllocReplay.Tests.Formats;

/// <summary>The merge's table of live addresses against a dictionary.</summary>
public sealed class LiveAddressesTests
{
    [Fact]
    public void It_tells_what_a_dictionary_tells()
    {
        // Few addresses: many are put where they are, and many stand in each other's way.
        Gen<(ulong Address, int Slot, bool Removes)> step = Gen.Select(Gen.ULong[0, 40], Gen.Int[0, 1000], Gen.Bool);
        step.List[0, 400].Sample(steps =>
        {
            var table = new LiveAddresses();
            var expected = new Dictionary<ulong, int>();
            foreach ((ulong number, int slot, bool removes) in steps)
            {
                ulong address = number * 0x1000_0000_0000_0010; // they wrap, as tags make them
                int place = table.Find(address);
                Assert.Equal(expected.GetValueOrDefault(address, -1), table.SlotAt(place));
                if (!removes)
                {
                    table.Put(place, address, slot);
                    expected[address] = slot;
                }
                else if (expected.Remove(address))
                    table.RemoveAt(place);
                Assert.Equal(expected.Count, table.Count);
            }
            foreach ((ulong address, int slot) in expected)
                Assert.Equal(slot, table.SlotAt(table.Find(address)));
        });
    }

    [Fact]
    public void It_grows_and_shrinks()
    {
        const int blocks = 200_000;
        var table = new LiveAddresses();
        for (int i = 0; i < blocks; i++)
            table.Put(table.Find((ulong)i * 16), (ulong)i * 16, i);
        for (int i = 0; i < blocks; i += 2)
            table.RemoveAt(table.Find((ulong)i * 16));
        Assert.Equal(blocks / 2, table.Count);
        for (int i = 0; i < blocks; i++)
            Assert.Equal(i % 2 == 0 ? -1 : i, table.SlotAt(table.Find((ulong)i * 16)));
    }
}
