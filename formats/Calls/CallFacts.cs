using F = AllocReplay.Formats.Calls.CallFields;
using G = AllocReplay.Formats.Calls.CallGroup;
using K = AllocReplay.Formats.Calls.CallKind;

namespace AllocReplay.Formats.Calls;

/// <summary>What an event of a kind does.</summary>
internal enum CallGroup : byte
{
    /// <summary>The number is no kind.</summary>
    None = 0,
    /// <summary>Takes a block when it succeeds.</summary>
    Acquisition,
    /// <summary>Gives a block back for good.</summary>
    Release,
    /// <summary>Gives up the old block of a reallocation.</summary>
    ReallocBegin,
    /// <summary>Takes the new block of a reallocation, or keeps the old one.</summary>
    ReallocEnd,
    /// <summary>Concerns a thread's life, not memory.</summary>
    Thread,
    /// <summary>Concerns memory that the kernel maps, and no block of an allocator.</summary>
    Region,
}

/// <summary>
/// What is known of one <see cref="CallKind"/>: the one place, for readers, for pages, and for the replay worker, which is built from this file too. The C
/// side has the same list in <c>formats/native/allocreplay_ops.h</c>; a test compares the two.
/// </summary>
/// <param name="Kind">The kind.</param>
/// <param name="Group">What an event of it does.</param>
/// <param name="Fields">The fields that an event carries.</param>
/// <param name="Name">As the C or C++ programmer writes it, with <c>.begin</c> and <c>.end</c> for the halves of a reallocation.</param>
/// <param name="Symbol">The function, as the linker knows it; null for what is no call of a function.</param>
internal sealed record CallFacts(CallKind Kind, CallGroup Group, CallFields Fields, string Name, string? Symbol)
{
    public static IReadOnlyList<CallFacts> All { get; } =
    [
        new(K.Free, G.Release, F.Address, "free", "free"),
        new(K.Malloc, G.Acquisition, F.Address | F.Size, "malloc", "malloc"),
        new(K.Calloc, G.Acquisition, F.Address | F.Size | F.Count, "calloc", "calloc"),
        new(K.ReallocBegin, G.ReallocBegin, F.Address | F.Size, "realloc.begin", "realloc"),
        new(K.ReallocEnd, G.ReallocEnd, F.Address, "realloc.end", "realloc"),
        new(K.ReallocArrayBegin, G.ReallocBegin, F.Address | F.Size | F.Count, "reallocarray.begin", "reallocarray"),
        new(K.ReallocArrayEnd, G.ReallocEnd, F.Address, "reallocarray.end", "reallocarray"),
        new(K.PosixMemalign, G.Acquisition, F.Address | F.Size | F.Alignment, "posix_memalign", "posix_memalign"),
        new(K.AlignedAlloc, G.Acquisition, F.Address | F.Size | F.Alignment, "aligned_alloc", "aligned_alloc"),
        new(K.Memalign, G.Acquisition, F.Address | F.Size | F.Alignment, "memalign", "memalign"),
        new(K.Valloc, G.Acquisition, F.Address | F.Size, "valloc", "valloc"),
        new(K.Pvalloc, G.Acquisition, F.Address | F.Size, "pvalloc", "pvalloc"),
        new(K.FreeSized, G.Release, F.Address | F.Size, "free_sized", "free_sized"),
        new(K.FreeAlignedSized, G.Release, F.Address | F.Size | F.Alignment, "free_aligned_sized", "free_aligned_sized"),
        new(K.New, G.Acquisition, F.Address | F.Size, "new", "_Znwm"),
        new(K.NewArray, G.Acquisition, F.Address | F.Size, "new[]", "_Znam"),
        new(K.NewNothrow, G.Acquisition, F.Address | F.Size, "new(nothrow)", "_ZnwmRKSt9nothrow_t"),
        new(K.NewArrayNothrow, G.Acquisition, F.Address | F.Size, "new[](nothrow)", "_ZnamRKSt9nothrow_t"),
        new(K.NewAligned, G.Acquisition, F.Address | F.Size | F.Alignment, "new(align)", "_ZnwmSt11align_val_t"),
        new(K.NewArrayAligned, G.Acquisition, F.Address | F.Size | F.Alignment, "new[](align)", "_ZnamSt11align_val_t"),
        new(K.NewAlignedNothrow, G.Acquisition, F.Address | F.Size | F.Alignment, "new(align,nothrow)", "_ZnwmSt11align_val_tRKSt9nothrow_t"),
        new(K.NewArrayAlignedNothrow, G.Acquisition, F.Address | F.Size | F.Alignment, "new[](align,nothrow)", "_ZnamSt11align_val_tRKSt9nothrow_t"),
        new(K.Delete, G.Release, F.Address, "delete", "_ZdlPv"),
        new(K.DeleteArray, G.Release, F.Address, "delete[]", "_ZdaPv"),
        new(K.DeleteNothrow, G.Release, F.Address, "delete(nothrow)", "_ZdlPvRKSt9nothrow_t"),
        new(K.DeleteArrayNothrow, G.Release, F.Address, "delete[](nothrow)", "_ZdaPvRKSt9nothrow_t"),
        new(K.DeleteSized, G.Release, F.Address | F.Size, "delete(size)", "_ZdlPvm"),
        new(K.DeleteArraySized, G.Release, F.Address | F.Size, "delete[](size)", "_ZdaPvm"),
        new(K.DeleteAligned, G.Release, F.Address | F.Alignment, "delete(align)", "_ZdlPvSt11align_val_t"),
        new(K.DeleteArrayAligned, G.Release, F.Address | F.Alignment, "delete[](align)", "_ZdaPvSt11align_val_t"),
        new(K.DeleteAlignedNothrow, G.Release, F.Address | F.Alignment, "delete(align,nothrow)", "_ZdlPvSt11align_val_tRKSt9nothrow_t"),
        new(K.DeleteArrayAlignedNothrow, G.Release, F.Address | F.Alignment, "delete[](align,nothrow)", "_ZdaPvSt11align_val_tRKSt9nothrow_t"),
        new(K.DeleteSizedAligned, G.Release, F.Address | F.Size | F.Alignment, "delete(size,align)", "_ZdlPvmSt11align_val_t"),
        new(K.DeleteArraySizedAligned, G.Release, F.Address | F.Size | F.Alignment, "delete[](size,align)", "_ZdaPvmSt11align_val_t"),
        new(K.ThreadStart, G.Thread, F.Thread, "thread_start", null),
        new(K.ThreadCreate, G.Thread, F.Thread, "thread_create", "pthread_create"),
        new(K.ThreadExit, G.Thread, F.None, "thread_exit", null),
        new(K.Gap, G.Thread, F.Count, "gap", null),
        new(K.Mmap, G.Region, F.Address | F.Size | F.Stack, "mmap", null),
        new(K.Munmap, G.Region, F.Address | F.Size, "munmap", null),
        new(K.MremapBegin, G.Region, F.Address | F.Size, "mremap.begin", null),
        new(K.MremapEnd, G.Region, F.Address | F.Size | F.Stack, "mremap.end", null),
        new(K.Brk, G.Region, F.Address | F.Size | F.Stack, "brk", null),
    ];
}
