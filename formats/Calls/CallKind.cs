namespace AllocReplay.Formats.Calls;

/// <summary>What an event is. The numbers are those on the wire (<c>formats/native/allocreplay_ops.h</c>).</summary>
public enum CallKind : byte
{
    /// <summary><c>free(address)</c></summary>
    Free = 0,
    /// <summary><c>malloc(size)</c></summary>
    Malloc = 1,
    /// <summary><c>calloc(count, size)</c></summary>
    Calloc = 2,
    /// <summary><c>realloc</c> entered: the old block is given up.</summary>
    ReallocBegin = 4,
    /// <summary><c>realloc</c> returned: the new block is taken, or the old one kept when the call failed.</summary>
    ReallocEnd = 5,
    /// <summary><c>reallocarray</c> entered.</summary>
    ReallocArrayBegin = 6,
    /// <summary><c>reallocarray</c> returned.</summary>
    ReallocArrayEnd = 7,
    /// <summary><c>posix_memalign(&amp;address, alignment, size)</c></summary>
    PosixMemalign = 8,
    /// <summary><c>aligned_alloc(alignment, size)</c></summary>
    AlignedAlloc = 9,
    /// <summary><c>memalign(alignment, size)</c></summary>
    Memalign = 10,
    /// <summary><c>valloc(size)</c></summary>
    Valloc = 11,
    /// <summary><c>pvalloc(size)</c></summary>
    Pvalloc = 12,
    /// <summary><c>free_sized(address, size)</c> (C23)</summary>
    FreeSized = 13,
    /// <summary><c>free_aligned_sized(address, alignment, size)</c> (C23)</summary>
    FreeAlignedSized = 14,
    /// <summary><c>operator new(size)</c></summary>
    New = 16,
    /// <summary><c>operator new[](size)</c></summary>
    NewArray = 17,
    /// <summary><c>operator new(size, nothrow)</c></summary>
    NewNothrow = 18,
    /// <summary><c>operator new[](size, nothrow)</c></summary>
    NewArrayNothrow = 19,
    /// <summary><c>operator new(size, alignment)</c></summary>
    NewAligned = 20,
    /// <summary><c>operator new[](size, alignment)</c></summary>
    NewArrayAligned = 21,
    /// <summary><c>operator new(size, alignment, nothrow)</c></summary>
    NewAlignedNothrow = 22,
    /// <summary><c>operator new[](size, alignment, nothrow)</c></summary>
    NewArrayAlignedNothrow = 23,
    /// <summary><c>operator delete(address)</c></summary>
    Delete = 24,
    /// <summary><c>operator delete[](address)</c></summary>
    DeleteArray = 25,
    /// <summary><c>operator delete(address, nothrow)</c></summary>
    DeleteNothrow = 26,
    /// <summary><c>operator delete[](address, nothrow)</c></summary>
    DeleteArrayNothrow = 27,
    /// <summary><c>operator delete(address, size)</c></summary>
    DeleteSized = 28,
    /// <summary><c>operator delete[](address, size)</c></summary>
    DeleteArraySized = 29,
    /// <summary><c>operator delete(address, alignment)</c></summary>
    DeleteAligned = 30,
    /// <summary><c>operator delete[](address, alignment)</c></summary>
    DeleteArrayAligned = 31,
    /// <summary><c>operator delete(address, alignment, nothrow)</c></summary>
    DeleteAlignedNothrow = 32,
    /// <summary><c>operator delete[](address, alignment, nothrow)</c></summary>
    DeleteArrayAlignedNothrow = 33,
    /// <summary><c>operator delete(address, size, alignment)</c></summary>
    DeleteSizedAligned = 34,
    /// <summary><c>operator delete[](address, size, alignment)</c></summary>
    DeleteArraySizedAligned = 35,
    /// <summary>First event of a thread; names its parent where that is known.</summary>
    ThreadStart = 40,
    /// <summary><c>pthread_create</c>, stamped by the parent before the child can run.</summary>
    ThreadCreate = 41,
    /// <summary>The thread's destructors have run. A few events may follow: the C library frees its own blocks last.</summary>
    ThreadExit = 42,
    /// <summary>So many calls of the thread were not recorded before its next event: what happened between is unknown.</summary>
    Gap = 43,
    /// <summary><c>mmap(size)</c> of memory without a file, or with <c>MAP_FIXED</c> in the place of what was there.</summary>
    Mmap = 44,
    /// <summary><c>munmap(address, size)</c>, of any part of what was mapped.</summary>
    Munmap = 45,
    /// <summary><c>mremap</c> entered: the old range is given up.</summary>
    MremapBegin = 46,
    /// <summary><c>mremap</c> returned: the new range is taken, or the old one kept when the call failed.</summary>
    MremapEnd = 47,
    /// <summary><c>brk</c> or <c>sbrk</c>: what the program's break was moved over, upwards.</summary>
    Brk = 48,
}

/// <summary>The fields that an event of a kind carries, in wire order.</summary>
[Flags]
public enum CallFields
{
    /// <summary>None.</summary>
    None = 0,
    /// <summary>Address of the block acquired or released.</summary>
    Address = 1,
    /// <summary>Bytes requested, of one element where there is a count.</summary>
    Size = 2,
    /// <summary>Elements requested.</summary>
    Count = 4,
    /// <summary>Alignment requested, in bytes.</summary>
    Alignment = 8,
    /// <summary>Another thread.</summary>
    Thread = 16,
    /// <summary>How long the call took; in recordings with latency.</summary>
    Duration = 32,
    /// <summary>Where an acquisition was called; in recordings with stacks.</summary>
    Stack = 64,
    /// <summary>Where a release was called; in recordings with stacks of releases.</summary>
    FreeStack = 128,
}

/// <summary>What is known of each <see cref="CallKind"/>. Nothing here throws: of a number that is no kind, nothing is true.</summary>
public static class CallKinds
{
    /// <summary>The fields that not every recording has.</summary>
    internal const CallFields Optional = CallFields.Duration | CallFields.Stack | CallFields.FreeStack;

    private const CallFields Undefined = (CallFields)(-1);

    // By number, of which a byte has no more.
    private static readonly CallFields[] FieldTable = Tabulate(f => f.Fields | OptionalOf(f.Group), Undefined);
    private static readonly CallGroup[] GroupTable = Tabulate(f => f.Group, CallGroup.None);
    private static readonly string?[] NameTable = Tabulate<string?>(f => f.Name, null);
    private static readonly string?[] CallNameTable = Tabulate<string?>(f => f.Name.Split('.')[0], null);

    /// <summary>The fields of a kind, or null when the number is not a kind of this version.</summary>
    public static CallFields? Fields(CallKind kind) => FieldTable[(int)kind] != Undefined ? FieldTable[(int)kind] : null;

    /// <summary>
    /// The kind's name as the C or C++ programmer writes it, with <c>.begin</c>/<c>.end</c> for halves of a reallocation; <c>kind-N</c> for
    /// a number that is no kind.
    /// </summary>
    public static string Name(CallKind kind) => NameTable[(int)kind] ?? $"kind-{(int)kind}";

    /// <summary>The name of the call that an event belongs to: as <see cref="Name"/>, but both halves of a reallocation are the one call.</summary>
    public static string CallName(CallKind kind) => CallNameTable[(int)kind] ?? Name(kind);

    /// <summary>Whether an event of this kind takes a block when it succeeds. True for the end of a reallocation.</summary>
    public static bool IsAcquisition(CallKind kind) => GroupTable[(int)kind] is CallGroup.Acquisition or CallGroup.ReallocEnd;

    /// <summary>Whether this kind gives a block back for good: free and operator delete in all forms, not a reallocation.</summary>
    public static bool IsDeallocation(CallKind kind) => GroupTable[(int)kind] == CallGroup.Release;

    /// <summary>Whether this is the entry of realloc or reallocarray.</summary>
    public static bool IsReallocBegin(CallKind kind) => kind is CallKind.ReallocBegin or CallKind.ReallocArrayBegin;

    /// <summary>Whether this is the return of realloc or reallocarray.</summary>
    public static bool IsReallocEnd(CallKind kind) => kind is CallKind.ReallocEnd or CallKind.ReallocArrayEnd;

    /// <summary>Whether this kind concerns memory that the kernel maps, and no block of an allocator.</summary>
    public static bool IsRegionEvent(CallKind kind) => GroupTable[(int)kind] == CallGroup.Region;

    /// <summary>Whether this is a call of an allocator, or a half of one: it has a block, or null for its address.</summary>
    internal static bool IsOfBlock(CallKind kind) => GroupTable[(int)kind] is not (CallGroup.Thread or CallGroup.Region);

    /// <summary>Whether this kind concerns a thread's life, not memory.</summary>
    public static bool IsThreadEvent(CallKind kind) => GroupTable[(int)kind] == CallGroup.Thread;

    /// <summary>Of a form of operator new that throws when it fails, the one that returns null; of any other kind, the kind itself.</summary>
    public static CallKind NothrowForm(CallKind kind) => kind switch
    {
        CallKind.New => CallKind.NewNothrow,
        CallKind.NewArray => CallKind.NewArrayNothrow,
        CallKind.NewAligned => CallKind.NewAlignedNothrow,
        CallKind.NewArrayAligned => CallKind.NewArrayAlignedNothrow,
        _ => kind,
    };

    /// <summary>Of a form of operator delete that is told size and alignment, the one that is told the alignment; of any other kind, the kind itself.</summary>
    public static CallKind UnsizedForm(CallKind kind) => kind switch
    {
        CallKind.DeleteSizedAligned => CallKind.DeleteAligned,
        CallKind.DeleteArraySizedAligned => CallKind.DeleteArrayAligned,
        _ => kind,
    };

    /// <summary>The raw table for the decoder: (CallFields)(-1) where the number is undefined.</summary>
    internal static ReadOnlySpan<CallFields> Table => FieldTable;

    private static CallFields OptionalOf(CallGroup group) => group switch
    {
        CallGroup.Acquisition or CallGroup.ReallocEnd => CallFields.Duration | CallFields.Stack,
        CallGroup.Release => CallFields.Duration | CallFields.FreeStack,
        CallGroup.ReallocBegin => CallFields.Duration,
        _ => CallFields.None,
    };

    private static T[] Tabulate<T>(Func<CallFacts, T> fact, T other)
    {
        T[] table = new T[byte.MaxValue + 1];
        Array.Fill(table, other);
        foreach (CallFacts facts in CallFacts.All)
            table[(int)facts.Kind] = fact(facts);
        return table;
    }
}
