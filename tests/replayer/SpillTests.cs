using AllocReplay.Replayer;
using AllocReplay.Replayer.Scratch;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Replayer;

/// <summary>Memory that goes to a file while it is used.</summary>
public sealed unsafe class SpillTests : IDisposable
{
    private const int Values = 12_000_000; // 96 MB: a dozen regions, most of them in the file

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void What_was_written_long_ago_is_there_and_can_be_changed_where_it_was()
    {
        using var spill = new Spill(_directory.Path);
        var list = new SpillList<long>(spill);
        var places = new nint[Values / 1000];
        for (long i = 0; i < Values; i++)
        {
            long* place = list.Append(i);
            if (i % 1000 == 0)
                places[i / 1000] = (nint)place;
        }
        for (int i = 0; i < places.Length; i++)
        {
            Assert.Equal(places[i], (nint)list.At(i * 1000L));
            *(long*)places[i] += 1;
            spill.Visited();
        }
        for (long i = 0; i < Values; i++)
            if (*list.At(i) != i + (i % 1000 == 0 ? 1 : 0))
                Assert.Fail($"value {i} is {*list.At(i)}");
    }

    [Fact]
    public void It_is_zeroed_and_what_is_given_up_takes_nothing_of_its_neighbours()
    {
        using var spill = new Spill(_directory.Path);
        const int length = 1 << 16;
        var pieces = new List<nint>();
        for (int i = 0; i < 160; i++)
        {
            long* piece = spill.Allocate<long>(length);
            Assert.True(new ReadOnlySpan<long>(piece, length).IndexOfAnyExcept(0) < 0);
            new Span<long>(piece, length).Fill(i);
            pieces.Add((nint)piece);
        }
        for (int i = 0; i < pieces.Count; i += 2)
            spill.Discard(pieces[i] + 8, length * sizeof(long) - 16);
        for (int i = 1; i < pieces.Count; i += 2)
            Assert.True(new ReadOnlySpan<long>((void*)pieces[i], length).IndexOfAnyExcept(i) < 0, $"piece {i}");
        Assert.Equal(0, *(long*)pieces[0] & ~0xffL); // still there to be read
    }

    [Fact]
    public void A_directory_that_is_not_there_is_named()
    {
        var e = Assert.Throws<ReplayException>(() => new Spill(_directory["none"]));
        Assert.Equal(ReplayFailure.NotPossible, e.Failure);
        Assert.Contains(_directory["none"], e.Message);
    }
}
