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
}

/// <summary>What is known of each <see cref="CallKind"/>. Nothing here throws: of a number that is no kind, nothing is true.</summary>
public static class CallKinds
{
    private const CallFields Acquire = CallFields.Address | CallFields.Size;
    private const CallFields Undefined = (CallFields)(-1);

    private static readonly CallFields[] FieldTable = BuildFields();
    private static readonly string?[] NameTable = BuildNames();

    /// <summary>The fields of a kind, or null when the number is not a kind of this version.</summary>
    public static CallFields? Fields(CallKind kind) =>
        (int)kind < FieldTable.Length && FieldTable[(int)kind] != Undefined ? FieldTable[(int)kind] : null;

    /// <summary>
    /// The kind's name as the C or C++ programmer writes it, with <c>.begin</c>/<c>.end</c> for halves of a reallocation; <c>kind-N</c> for
    /// a number that is no kind.
    /// </summary>
    public static string Name(CallKind kind) =>
        ((int)kind < NameTable.Length ? NameTable[(int)kind] : null) ?? $"kind-{(int)kind}";

    /// <summary>The name of the call that an event belongs to: as <see cref="Name"/>, but both halves of a reallocation are the one call.</summary>
    public static string CallName(CallKind kind) => kind switch
    {
        CallKind.ReallocBegin or CallKind.ReallocEnd => "realloc",
        CallKind.ReallocArrayBegin or CallKind.ReallocArrayEnd => "reallocarray",
        _ => Name(kind),
    };

    /// <summary>Whether an event of this kind takes a block when it succeeds. True for the end of a reallocation.</summary>
    public static bool IsAcquisition(CallKind kind) =>
        IsReallocEnd(kind) || (((int)kind < FieldTable.Length ? FieldTable[(int)kind] : 0) & Acquire) == Acquire
        && !IsReallocBegin(kind) && !IsDeallocation(kind);

    /// <summary>Whether this kind gives a block back for good: free and operator delete in all forms, not a reallocation.</summary>
    public static bool IsDeallocation(CallKind kind) =>
        kind is CallKind.Free or CallKind.FreeSized or CallKind.FreeAlignedSized or (>= CallKind.Delete and <= CallKind.DeleteArraySizedAligned);

    /// <summary>Whether this is the entry of realloc or reallocarray.</summary>
    public static bool IsReallocBegin(CallKind kind) => kind is CallKind.ReallocBegin or CallKind.ReallocArrayBegin;

    /// <summary>Whether this is the return of realloc or reallocarray.</summary>
    public static bool IsReallocEnd(CallKind kind) => kind is CallKind.ReallocEnd or CallKind.ReallocArrayEnd;

    /// <summary>Whether this kind concerns a thread's life, not memory.</summary>
    public static bool IsThreadEvent(CallKind kind) => kind is CallKind.ThreadStart or CallKind.ThreadCreate or CallKind.ThreadExit;

    /// <summary>The raw table for the decoder: (CallFields)(-1) where the number is undefined.</summary>
    internal static ReadOnlySpan<CallFields> Table => FieldTable;

    private static CallFields[] BuildFields()
    {
        var table = new CallFields[64];
        Array.Fill(table, Undefined);
        foreach (CallKind kind in Enum.GetValues<CallKind>())
            table[(int)kind] = FieldsOf(kind);
        return table;
    }

    private static CallFields FieldsOf(CallKind kind) => kind switch
    {
        CallKind.Malloc or CallKind.Valloc or CallKind.Pvalloc => Acquire,
        CallKind.Calloc => Acquire | CallFields.Count,
        CallKind.ReallocBegin => CallFields.Address | CallFields.Size,
        CallKind.ReallocArrayBegin => CallFields.Address | CallFields.Size | CallFields.Count,
        CallKind.ReallocEnd or CallKind.ReallocArrayEnd => CallFields.Address,
        CallKind.PosixMemalign or CallKind.AlignedAlloc or CallKind.Memalign => Acquire | CallFields.Alignment,
        >= CallKind.New and <= CallKind.NewArrayNothrow => Acquire,
        >= CallKind.NewAligned and <= CallKind.NewArrayAlignedNothrow => Acquire | CallFields.Alignment,
        CallKind.FreeSized or CallKind.DeleteSized or CallKind.DeleteArraySized => CallFields.Address | CallFields.Size,
        >= CallKind.DeleteAligned and <= CallKind.DeleteArrayAlignedNothrow => CallFields.Address | CallFields.Alignment,
        CallKind.FreeAlignedSized or CallKind.DeleteSizedAligned or CallKind.DeleteArraySizedAligned =>
            CallFields.Address | CallFields.Size | CallFields.Alignment,
        CallKind.ThreadStart or CallKind.ThreadCreate => CallFields.Thread,
        CallKind.ThreadExit => CallFields.None,
        _ => CallFields.Address, // free and the plain forms of delete
    };

    private static string?[] BuildNames()
    {
        var names = new string?[64];
        foreach (CallKind kind in Enum.GetValues<CallKind>())
            names[(int)kind] = NameOf(kind);
        return names;
    }

    private static string NameOf(CallKind kind) => kind switch
    {
        CallKind.ReallocBegin => "realloc.begin",
        CallKind.ReallocEnd => "realloc.end",
        CallKind.ReallocArrayBegin => "reallocarray.begin",
        CallKind.ReallocArrayEnd => "reallocarray.end",
        CallKind.PosixMemalign => "posix_memalign",
        CallKind.AlignedAlloc => "aligned_alloc",
        CallKind.FreeSized => "free_sized",
        CallKind.FreeAlignedSized => "free_aligned_sized",
        CallKind.New => "new",
        CallKind.NewArray => "new[]",
        CallKind.NewNothrow => "new(nothrow)",
        CallKind.NewArrayNothrow => "new[](nothrow)",
        CallKind.NewAligned => "new(align)",
        CallKind.NewArrayAligned => "new[](align)",
        CallKind.NewAlignedNothrow => "new(align,nothrow)",
        CallKind.NewArrayAlignedNothrow => "new[](align,nothrow)",
        CallKind.Delete => "delete",
        CallKind.DeleteArray => "delete[]",
        CallKind.DeleteNothrow => "delete(nothrow)",
        CallKind.DeleteArrayNothrow => "delete[](nothrow)",
        CallKind.DeleteSized => "delete(size)",
        CallKind.DeleteArraySized => "delete[](size)",
        CallKind.DeleteAligned => "delete(align)",
        CallKind.DeleteArrayAligned => "delete[](align)",
        CallKind.DeleteAlignedNothrow => "delete(align,nothrow)",
        CallKind.DeleteArrayAlignedNothrow => "delete[](align,nothrow)",
        CallKind.DeleteSizedAligned => "delete(size,align)",
        CallKind.DeleteArraySizedAligned => "delete[](size,align)",
        CallKind.ThreadStart => "thread_start",
        CallKind.ThreadCreate => "thread_create",
        CallKind.ThreadExit => "thread_exit",
        _ => kind.ToString().ToLowerInvariant(),
    };
}
