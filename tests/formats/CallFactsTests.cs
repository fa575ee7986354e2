using AllocReplay.Formats.Calls;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Formats;

public sealed class CallFactsTests
{
    [Fact]
    public void Every_kind_has_its_facts_once() => Assert.Equal(Enum.GetValues<CallKind>().Order(), CallFacts.All.Select(f => f.Kind).Order());

    [Fact]
    public void Every_function_is_one_that_the_hook_exports()
    {
        string[] exported = [.. File.ReadLines(Path.Combine(SourceTree.Root, "tests/golden/hook-symbols.txt"))
            .Where(l => l.StartsWith("T ", StringComparison.Ordinal)).Select(l => l[2..])];
        Assert.Empty(CallFacts.All.Select(f => f.Symbol).OfType<string>().Except(exported));
        Assert.Contains("malloc", exported); // the control: there is something to be found in
    }

    [Fact]
    public void Names_and_groups_are_those_of_the_kind()
    {
        Assert.Equal(("realloc.begin", "realloc"), (CallKinds.Name(CallKind.ReallocBegin), CallKinds.CallName(CallKind.ReallocBegin)));
        Assert.Equal(("new[](align,nothrow)", "kind-200"), (CallKinds.Name(CallKind.NewArrayAlignedNothrow), CallKinds.CallName((CallKind)200)));
        foreach (CallKind kind in Enum.GetValues<CallKind>())
        {
            bool[] groups = [CallKinds.IsAcquisition(kind), CallKinds.IsDeallocation(kind), CallKinds.IsReallocBegin(kind), CallKinds.IsThreadEvent(kind),
                CallKinds.IsRegionEvent(kind)];
            Assert.Single(groups, true);
        }
        Assert.False(CallKinds.IsAcquisition((CallKind)200) || CallKinds.IsDeallocation((CallKind)200) || CallKinds.IsThreadEvent((CallKind)200));
    }

    [Fact]
    public void A_form_that_throws_has_its_quiet_one_and_a_sized_one_its_unsized()
    {
        Assert.Equal(
            [CallKind.NewNothrow, CallKind.NewArrayNothrow, CallKind.NewAlignedNothrow, CallKind.NewArrayAlignedNothrow],
            new[] { CallKind.New, CallKind.NewArray, CallKind.NewAligned, CallKind.NewArrayAligned }.Select(CallKinds.NothrowForm));
        Assert.Equal(
            [CallKind.DeleteAligned, CallKind.DeleteArrayAligned, CallKind.Malloc],
            new[] { CallKind.DeleteSizedAligned, CallKind.DeleteArraySizedAligned, CallKind.Malloc }.Select(CallKinds.UnsizedForm));
    }
}
