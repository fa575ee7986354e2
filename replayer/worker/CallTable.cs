using AllocReplay.Replayer;

namespace AllocReplay.Worker;

/// <summary>How a function of the allocator takes its arguments.</summary>
internal enum Shape : byte
{
    None = 0,
    /// <summary>f(size)</summary>
    Size,
    /// <summary>f(size, nothrow)</summary>
    SizeNothrow,
    /// <summary>f(size, alignment, nothrow); the last is ignored by functions without it</summary>
    SizeAlignment,
    /// <summary>f(count, size)</summary>
    CountSize,
    /// <summary>f(alignment, size)</summary>
    AlignmentSize,
    /// <summary>f(&amp;block, alignment, size)</summary>
    PosixMemalign,
    /// <summary>memalign(page, size), for valloc</summary>
    Page,
    /// <summary>memalign(page, size rounded up to pages), for pvalloc</summary>
    WholePages,
    /// <summary>f(block, size)</summary>
    Realloc,
    /// <summary>f(block, count, size)</summary>
    ReallocArray,
    /// <summary>realloc(block, count × size), for reallocarray</summary>
    ReallocProduct,
    /// <summary>f(block)</summary>
    Release,
    /// <summary>f(block, nothrow)</summary>
    ReleaseNothrow,
    /// <summary>f(block, size)</summary>
    ReleaseSize,
    /// <summary>f(block, alignment, nothrow); the last is ignored by functions without it</summary>
    ReleaseAlignment,
    /// <summary>f(block, size, alignment)</summary>
    ReleaseSizeAlignment,
    /// <summary>f(block, alignment, size)</summary>
    ReleaseAlignmentSize,
}

/// <summary>The function that stands for one kind of call.</summary>
internal unsafe struct CallEntry
{
    public void* Function;
    public Shape Shape;
    /// <summary>The allocator has no function of that name: the nearest it has is called.</summary>
    public bool Substituted;
}

/// <summary>The functions of the allocator under test, by kind of call. Lives outside any heap.</summary>
/// <remarks>
/// Every function is taken from the object that provides malloc. A function that object lacks is replaced by the nearest that
/// it has, never by another library's of that name: a block of one heap given to another is a crash.
/// </remarks>
internal unsafe struct CallTable
{
    public const int Kinds = PlanCode.FirstNonCall;
    /// <summary>From delete(size, align) to delete(align), and from delete[](size, align) to delete[](align).</summary>
    public const int SizedToUnsizedAligned = 4;
    /// <summary>From an operator new that throws to its form that returns null.</summary>
    public const int ThrowingToNothrow = 2;

    public delegate* unmanaged[SuppressGCTransition]<nuint, byte*> Malloc;
    public delegate* unmanaged[SuppressGCTransition]<nuint, nuint, byte*> Calloc;
    public delegate* unmanaged[SuppressGCTransition]<void*, nuint, byte*> Realloc;
    public delegate* unmanaged[SuppressGCTransition]<void*, void> Free;
    public CallEntry* Entries;

    /// <summary>Names and shapes by kind, as the linker knows them.</summary>
    private static ReadOnlySpan<byte> NameOf(int kind) => kind switch
    {
        0 => "free"u8,
        1 => "malloc"u8,
        2 => "calloc"u8,
        5 => "realloc"u8,
        7 => "reallocarray"u8,
        8 => "posix_memalign"u8,
        9 => "aligned_alloc"u8,
        10 => "memalign"u8,
        11 => "valloc"u8,
        12 => "pvalloc"u8,
        13 => "free_sized"u8,
        14 => "free_aligned_sized"u8,
        16 => "_Znwm"u8,
        17 => "_Znam"u8,
        18 => "_ZnwmRKSt9nothrow_t"u8,
        19 => "_ZnamRKSt9nothrow_t"u8,
        20 => "_ZnwmSt11align_val_t"u8,
        21 => "_ZnamSt11align_val_t"u8,
        22 => "_ZnwmSt11align_val_tRKSt9nothrow_t"u8,
        23 => "_ZnamSt11align_val_tRKSt9nothrow_t"u8,
        24 => "_ZdlPv"u8,
        25 => "_ZdaPv"u8,
        26 => "_ZdlPvRKSt9nothrow_t"u8,
        27 => "_ZdaPvRKSt9nothrow_t"u8,
        28 => "_ZdlPvm"u8,
        29 => "_ZdaPvm"u8,
        30 => "_ZdlPvSt11align_val_t"u8,
        31 => "_ZdaPvSt11align_val_t"u8,
        32 => "_ZdlPvSt11align_val_tRKSt9nothrow_t"u8,
        33 => "_ZdaPvSt11align_val_tRKSt9nothrow_t"u8,
        34 => "_ZdlPvmSt11align_val_t"u8,
        35 => "_ZdaPvmSt11align_val_t"u8,
        _ => default,
    };

    private static Shape ShapeOf(int kind) => kind switch
    {
        0 or 24 or 25 => Shape.Release,
        1 or 11 or 12 or 16 or 17 => Shape.Size,
        2 => Shape.CountSize,
        5 => Shape.Realloc,
        7 => Shape.ReallocArray,
        8 => Shape.PosixMemalign,
        9 or 10 => Shape.AlignmentSize,
        13 or 28 or 29 => Shape.ReleaseSize,
        14 => Shape.ReleaseAlignmentSize,
        18 or 19 => Shape.SizeNothrow,
        >= 20 and <= 23 => Shape.SizeAlignment,
        26 or 27 => Shape.ReleaseNothrow,
        >= 30 and <= 33 => Shape.ReleaseAlignment,
        34 or 35 => Shape.ReleaseSizeAlignment,
        _ => Shape.None,
    };

    /// <summary>Whether a plan may hold ops of this code.</summary>
    public static bool IsCall(byte code) => code < Kinds && ShapeOf(code) != Shape.None;

    public static bool IsReallocation(byte code) => code is 5 or 7;

    public static bool IsRelease(byte code) => IsCall(code) && ShapeOf(code) >= Shape.Release;

    /// <summary>Looks the functions up as the program's own calls would be bound. Returns the path of the object that provides malloc.</summary>
    public byte* Bind()
    {
        Entries = (CallEntry*)Libc.Map((nuint)(Kinds * sizeof(CallEntry)));
        Libc.SymbolInfo provider;
        if (Libc.dladdr(Resolve("malloc"u8, null), &provider) == 0)
            Worker.Fail("nothing provides malloc"u8);
        for (int kind = 0; kind < Kinds; kind++)
        {
            if (ShapeOf(kind) == Shape.None)
                continue;
            void* function = Resolve(NameOf(kind), provider.ObjectBase);
            Entries[kind] = new CallEntry { Function = function, Shape = ShapeOf(kind), Substituted = function == null };
        }
        foreach (int required in (ReadOnlySpan<int>)[0, 1, 2, 5])
            if (Entries[required].Function == null)
                Worker.Fail("the allocator lacks one of malloc, calloc, realloc and free"u8);
        for (int kind = 0; kind < Kinds; kind++)
            if (Entries[kind].Substituted)
                Substitute(kind, provider.ObjectBase);
        SetFast();
        return provider.ObjectName;
    }

    /// <summary>The harness's own cost: every acquisition gives the same address, every release does nothing.</summary>
    public void BindNoop()
    {
        Entries = (CallEntry*)Libc.Map((nuint)(Kinds * sizeof(CallEntry)));
        NoopCode code = NoopCode.Create();
        for (int kind = 0; kind < Kinds; kind++)
        {
            Shape shape = ShapeOf(kind);
            void* function = shape >= Shape.Release ? code.Nothing : shape == Shape.PosixMemalign ? code.StoreBlock : code.ReturnBlock;
            Entries[kind] = new CallEntry { Function = function, Shape = shape };
        }
        SetFast();
    }

    private void SetFast()
    {
        Free = (delegate* unmanaged[SuppressGCTransition]<void*, void>)Entries[0].Function;
        Malloc = (delegate* unmanaged[SuppressGCTransition]<nuint, byte*>)Entries[1].Function;
        Calloc = (delegate* unmanaged[SuppressGCTransition]<nuint, nuint, byte*>)Entries[2].Function;
        Realloc = (delegate* unmanaged[SuppressGCTransition]<void*, nuint, byte*>)Entries[5].Function;
    }

    private readonly void Substitute(int kind, void* provider)
    {
        switch (kind)
        {
            case 7:
                Replace(kind, 5, Shape.ReallocProduct);
                break;
            case 9 or 10 or 11 or 12 or (>= 20 and <= 23):
                Shape shape = kind switch { 11 => Shape.Page, 12 => Shape.WholePages, _ => Shape.AlignmentSize };
                void* aligned = Resolve("memalign"u8, provider);
                if (aligned == null)
                    aligned = Resolve("aligned_alloc"u8, provider);
                Entries[kind].Function = aligned;
                Entries[kind].Shape = aligned == null ? Shape.None : shape;
                break;
            case >= 16 and <= 19:
                Replace(kind, 1, Shape.Size);
                break;
            case 8:
                Entries[kind].Shape = Shape.None;
                break;
            default:
                // A form of operator delete falls back on its plain form, and that on free.
                bool array = kind >= 24 && (kind & 1) != 0;
                int plain = kind < 24 ? 0 : array ? 25 : 24;
                Replace(kind, Entries[plain].Function != null ? plain : 0, Shape.Release);
                break;
        }
    }

    private readonly void Replace(int kind, int by, Shape shape)
    {
        Entries[kind].Function = Entries[by].Function;
        Entries[kind].Shape = shape;
    }

    /// <summary>The address of a function, or null when it comes from another object than the one asked for.</summary>
    private static void* Resolve(ReadOnlySpan<byte> name, void* objectBase)
    {
        void* address;
        fixed (byte* text = name)
            address = Libc.dlsym(null, text);
        Libc.SymbolInfo info;
        bool ours = address != null && (objectBase == null || (Libc.dladdr(address, &info) != 0 && info.ObjectBase == objectBase));
        return ours ? address : null;
    }
}
