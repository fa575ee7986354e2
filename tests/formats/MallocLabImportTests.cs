using AllocReplay.Formats.Import;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Statistics;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Formats;

/// <summary>Each line of a malloc lab trace becomes the events that it stands for; a line that is none is named.</summary>
public sealed class MallocLabImportTests : ImportFixture
{
    [Fact]
    public void Malloc_lab_operations_are_calls_of_one_thread_on_addresses_of_their_own()
    {
        ImportResult result = Import("malloclab", "20000\n3\n8\n1\na 0 512\na 1 0\nr 0 640\nf 1\nf -1\nr 2 16\nr 0 0\na 1 5\n");

        Assert.Equal((12L, 1, 1), (result.Lines, result.Threads, result.ThreadIds));
        Assert.Equal(
            [
                "5000 t0 thread_start",
                "5000 t0 malloc 0x10000 512",
                "6000 t0 malloc 0x10210 0",
                "7000 t0 realloc.begin 0x10000 640",
                "7500 t0 realloc.end 0x10220 640 was 0",
                "8000 t0 free 0x10210 0",
                "9000 t0 free null 0",
                "10000 t0 realloc.begin null 16",
                "10500 t0 realloc.end 0x104b0 16",
                "11000 t0 realloc.begin 0x10220 0",
                "11500 t0 realloc.end null 0 was 2",
                "12000 t0 malloc 0x104d0 5",
            ],
            Events());
        TraceStatistics statistics = Statistics(out MergeStatistics merge);
        Assert.Equal(2, statistics.LiveBlocks);
        Assert.Equal(default, merge);
    }

    [Theory]
    [InlineData("", "line 1: expected the suggested heap size in bytes, found the end of the file")]
    [InlineData("x\n", "line 1: expected the suggested heap size in bytes, found 'x'")]
    [InlineData("1\n2 3\n", "line 2: expected the end of the line after the number of ids, found '3'")]
    [InlineData("1\n2\n", "line 3: expected the number of operations, found the end of the file")]
    [InlineData("1\n2\n2\n1\na 0 1\n", "line 3: expected as many operations as this line says, 2, found 1")]
    [InlineData("1\n2\n1\n1\na 0 1\nf 0\n", "line 6: expected the end of the file after 1 operations, the number that line 3 says, found another")]
    [InlineData("1\n2\n1\n1\nm 0 1\n", "line 5: expected a ID SIZE, r ID SIZE or f ID, found 'm 0 1'")]
    [InlineData("1\n2\n1\n1\na 2 1\n", "line 5: expected an id below 2, the number that line 2 says, found '2'")]
    [InlineData("1\n2\n1\n1\na -1 1\n", "line 5: expected an id below 2, the number that line 2 says, found '-1'")]
    [InlineData("1\n2\n1\n1\na 0\n", "line 5: expected a size in bytes, found the end of the line")]
    [InlineData("1\n2\n1\n1\na 0 1 1\n", "line 5: expected the end of the line after the size, found '1'")]
    [InlineData("1\n2\n1\n1\nf 0\n", "line 5: expected the id of a block, found 0, which never had one")]
    [InlineData("1\n2\n2\n1\na 0 1\na 0 2\n", "line 6: expected an id without a block, found 0, whose block is not freed")]
    [InlineData("1\n2\n3\n1\na 0 1\nf 0\nf 0\n", "line 7: expected the id of a block, found 0, whose block is freed already")]
    [InlineData("1\n2\n3\n1\na 0 1\nf 0\nr 0 3\n", "line 7: expected the id of a block, found 0, whose block is freed")]
    [InlineData("1\n2\n1\n1\na 0 9223372036854775807\n", "line 5: expected sizes of less than 8 EiB in all, found 9223372036854775807 more")]
    [InlineData("1\n2\n0\n1\n", "expected calls, found none in 4 lines")]
    public void A_bad_malloc_lab_line_is_named(string text, string expected) => AssertRefused("malloclab", text, "in.txt: ", expected);
}
