using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Verify;

namespace AllocReplay.Tests.Replayer;

/// <summary>The call that a worker makes where it cannot make the recorded one.</summary>
public sealed class SubstitutionTests
{
    private const ulong Page = 4096;

    [Theory]
    [InlineData(CallKind.New, CallKind.NewNothrow)]
    [InlineData(CallKind.NewArray, CallKind.NewArrayNothrow)]
    [InlineData(CallKind.NewAligned, CallKind.NewAlignedNothrow)]
    [InlineData(CallKind.NewArrayAligned, CallKind.NewArrayAlignedNothrow)]
    [InlineData(CallKind.NewNothrow, CallKind.NewNothrow)]
    [InlineData(CallKind.Malloc, CallKind.Malloc)]
    public void Where_a_throwing_form_failed_the_one_that_does_not_throw_is_called(CallKind recorded, CallKind called)
    {
        bool isAligned = recorded is CallKind.NewAligned or CallKind.NewArrayAligned;
        Assert.Equal((called, 8ul, isAligned ? 64ul : 0), Of(recorded, 8, isAligned ? 64ul : 0, isNull: true));
        Assert.Equal((recorded, 8ul, 0ul), Of(recorded, 8, 0));
    }

    [Theory]
    [InlineData(CallKind.DeleteSizedAligned, CallKind.DeleteAligned)]
    [InlineData(CallKind.DeleteArraySizedAligned, CallKind.DeleteArrayAligned)]
    public void An_aligned_block_of_no_bytes_is_given_back_without_its_size(CallKind recorded, CallKind called)
    {
        Assert.Equal((called, 0ul, 64ul), Of(recorded, 0, 64));
        Assert.Equal((recorded, 1ul, 64ul), Of(recorded, 1, 64));
        // Where the allocator lacks that too, what stands for that; and where it lacks the one with a size, what stands for this.
        Assert.Equal((CallKind.Delete, 0ul, 0ul), Of(recorded, 0, 64, called: (called, CallKind.Delete)));
        Assert.Equal((CallKind.Free, 0ul, 0ul), Of(recorded, 0, 64, called: (recorded, CallKind.Free)));
    }

    [Theory]
    [InlineData(CallKind.FreeSized, CallKind.Free, 8ul, 0ul, 0ul, 0ul)]
    [InlineData(CallKind.FreeAlignedSized, CallKind.FreeSized, 8ul, 64ul, 8ul, 0ul)]
    [InlineData(CallKind.AlignedAlloc, CallKind.Memalign, 128ul, 64ul, 128ul, 64ul)]
    [InlineData(CallKind.Calloc, CallKind.Malloc, 8ul, 3ul, 8ul, 0ul)]
    [InlineData(CallKind.Valloc, CallKind.Memalign, 5000ul, 0ul, 5000ul, Page)]
    [InlineData(CallKind.Pvalloc, CallKind.Memalign, 1ul, 0ul, Page, Page)]
    [InlineData(CallKind.Pvalloc, CallKind.Memalign, Page, 0ul, Page, Page)]
    [InlineData(CallKind.Pvalloc, CallKind.Memalign, Page + 1, 0ul, 2 * Page, Page)]
    [InlineData(CallKind.Pvalloc, CallKind.Malloc, 0ul, 0ul, 0ul, 0ul)]
    [InlineData(CallKind.ReallocArrayEnd, CallKind.ReallocEnd, 8ul, 3ul, 24ul, 0ul)]
    [InlineData(CallKind.ReallocArrayEnd, CallKind.ReallocEnd, 1ul << 33, 1ul << 30, 1ul << 63, 0ul)]
    [InlineData(CallKind.ReallocArrayEnd, CallKind.ReallocEnd, 1ul << 33, 1ul << 31, ulong.MaxValue, 0ul)]
    public void Another_kind_gets_what_it_takes_of_size_and_argument(
        CallKind recorded, CallKind other, ulong size, ulong argument, ulong itsSize, ulong itsArgument) =>
        Assert.Equal((other, itsSize, itsArgument), Of(recorded, size, argument, called: (recorded, other)));

    [Fact]
    public void A_failed_throwing_form_is_what_stands_for_the_other_or_else_for_itself()
    {
        Assert.Equal((CallKind.Malloc, 8ul, 0ul), Of(CallKind.New, 8, 0, isNull: true, (CallKind.NewNothrow, CallKind.Malloc)));
        Assert.Equal((CallKind.Malloc, 8ul, 0ul), Of(CallKind.New, 8, 0, isNull: true, (CallKind.New, CallKind.Malloc)));
        Assert.Equal((CallKind.Calloc, 8ul, 0ul), Of(CallKind.New, 8, 0, true, (CallKind.New, CallKind.Malloc), (CallKind.NewNothrow, CallKind.Calloc)));
    }

    private static (CallKind, ulong, ulong) Of(
        CallKind kind, ulong size, ulong argument, bool isNull = false, params (CallKind Kind, CallKind Other)[] called)
    {
        var call = new ExecutedCall { Kind = kind, Size = size, Argument = argument, IsNull = isNull };
        return new Substitution(called.ToDictionary(c => (int)c.Kind, c => (int)c.Other)).Of(call);
    }

    private static (CallKind, ulong, ulong) Of(CallKind kind, ulong size, ulong argument, (CallKind Kind, CallKind Other) called) =>
        Of(kind, size, argument, false, called);
}
