using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;

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
    /// <summary>An operand op comes before the call.</summary>
    public bool HasOperand;
    /// <summary>The allocator has no function of that name: the nearest it has is called.</summary>
    public bool Substituted;
    /// <summary>The CallKind whose function is called: its own, another one's where it is substituted, -1 where there is none.</summary>
    public short Called;
}

/// <summary>The functions of the allocator under test, by kind of call. Lives outside any heap.</summary>
/// <remarks>
/// Every function is taken from the object that provides malloc. A function that object lacks is replaced by the nearest that
/// it has, never by another library's of that name: a block of one heap given to another is a crash.
/// </remarks>
internal unsafe struct CallTable
{
    public const int Kinds = PlanCode.FirstNonCall;

    public delegate* unmanaged[SuppressGCTransition]<nuint, byte*> Malloc;
    public delegate* unmanaged[SuppressGCTransition]<void*, nuint, byte*> Realloc;
    public delegate* unmanaged[SuppressGCTransition]<void*, void> Free;
    public CallEntry* Entries;

    private static Shape ShapeOf(CallKind kind) => kind switch
    {
        CallKind.Free or CallKind.Delete or CallKind.DeleteArray => Shape.Release,
        CallKind.Malloc or CallKind.Valloc or CallKind.Pvalloc or CallKind.New or CallKind.NewArray => Shape.Size,
        CallKind.Calloc => Shape.CountSize,
        CallKind.ReallocEnd => Shape.Realloc,
        CallKind.ReallocArrayEnd => Shape.ReallocArray,
        CallKind.PosixMemalign => Shape.PosixMemalign,
        CallKind.AlignedAlloc or CallKind.Memalign => Shape.AlignmentSize,
        CallKind.FreeSized or CallKind.DeleteSized or CallKind.DeleteArraySized => Shape.ReleaseSize,
        CallKind.FreeAlignedSized => Shape.ReleaseAlignmentSize,
        CallKind.NewNothrow or CallKind.NewArrayNothrow => Shape.SizeNothrow,
        >= CallKind.NewAligned and <= CallKind.NewArrayAlignedNothrow => Shape.SizeAlignment,
        CallKind.DeleteNothrow or CallKind.DeleteArrayNothrow => Shape.ReleaseNothrow,
        >= CallKind.DeleteAligned and <= CallKind.DeleteArrayAlignedNothrow => Shape.ReleaseAlignment,
        CallKind.DeleteSizedAligned or CallKind.DeleteArraySizedAligned => Shape.ReleaseSizeAlignment,
        _ => Shape.None,
    };

    /// <summary>Whether a plan may hold ops of this code.</summary>
    public static bool IsCall(byte code) => code < Kinds && ShapeOf((CallKind)code) != Shape.None;

    public static bool IsReallocation(byte code) => (CallKind)code is CallKind.ReallocEnd or CallKind.ReallocArrayEnd;

    public static bool IsRelease(byte code) => IsCall(code) && ShapeOf((CallKind)code) >= Shape.Release;

    /// <summary>Bytes that an acquisition asks for.</summary>
    public static ulong Requested(PlanOp* op) => (CallKind)op->Code is CallKind.Calloc or CallKind.ReallocArrayEnd
        ? ReplayCall.Product((nuint)op->Size, (nuint)op[-1].Size)
        : op->Size;

    /// <summary>Looks the functions up as the program's own calls would be bound. Returns the path of the object that provides malloc.</summary>
    public byte* Bind(Provider provider)
    {
        Entries = (CallEntry*)Libc.Map((nuint)(Kinds * sizeof(CallEntry)));
        foreach (CallFacts facts in CallFacts.All)
        {
            CallKind kind = facts.Kind;
            if (facts.Symbol is null || !IsCall((byte)kind))
                continue;
            void* function = provider.Find(facts.Symbol);
            *Of(kind) = new CallEntry
            {
                Function = function,
                Shape = ShapeOf(kind),
                HasOperand = PlanCode.HasOperand(kind),
                Substituted = function == null,
                Called = (short)(function == null ? -1 : (int)kind),
            };
        }
        foreach (CallKind required in (ReadOnlySpan<CallKind>)[CallKind.Free, CallKind.Malloc, CallKind.Calloc, CallKind.ReallocEnd])
            if (Of(required)->Function == null)
                Worker.Fail(WorkerExit.NoAllocator, "the allocator lacks one of malloc, calloc, realloc and free"u8);
        for (int kind = 0; kind < Kinds; kind++)
            if (Entries[kind].Substituted)
                Substitute((CallKind)kind);
        SetFast();
        return provider.Path;
    }

    /// <summary>The harness's own cost: every acquisition gives the same address, every release does nothing.</summary>
    public void BindNoop() => BindTo(NoopCode.Create());

    /// <summary>What no allocator can do better: a block is the next bytes of a small ring.</summary>
    /// <param name="largest">Bytes of the largest block.</param>
    public void BindIdeal(ulong largest) => BindTo(IdealCode.Create(largest));

    private void BindTo<TCode>(TCode code)
        where TCode : struct, INativeCode
    {
        Entries = (CallEntry*)Libc.Map((nuint)(Kinds * sizeof(CallEntry)));
        for (int kind = 0; kind < Kinds; kind++)
        {
            Shape shape = ShapeOf((CallKind)kind);
            Entries[kind] = new CallEntry
            {
                Function = code.FunctionOf(shape),
                Shape = shape,
                HasOperand = PlanCode.HasOperand((CallKind)kind),
                Called = (short)kind,
            };
        }
        SetFast();
    }

    private readonly CallEntry* Of(CallKind kind) => Entries + (int)kind;

    private void SetFast()
    {
        Free = (delegate* unmanaged[SuppressGCTransition]<void*, void>)Of(CallKind.Free)->Function;
        Malloc = (delegate* unmanaged[SuppressGCTransition]<nuint, byte*>)Of(CallKind.Malloc)->Function;
        Realloc = (delegate* unmanaged[SuppressGCTransition]<void*, nuint, byte*>)Of(CallKind.ReallocEnd)->Function;
    }

    private readonly void Substitute(CallKind kind)
    {
        switch (kind)
        {
            case CallKind.ReallocArrayEnd:
                Replace(kind, CallKind.ReallocEnd, Shape.ReallocProduct);
                break;
            case CallKind.AlignedAlloc or CallKind.Memalign or CallKind.Valloc or CallKind.Pvalloc
                or (>= CallKind.NewAligned and <= CallKind.NewArrayAlignedNothrow):
                SubstituteAligned(kind);
                break;
            case >= CallKind.New and <= CallKind.NewArrayNothrow:
                Replace(kind, CallKind.Malloc, Shape.Size);
                break;
            case CallKind.PosixMemalign:
                Of(kind)->Shape = Shape.None; // every allocator has it; one without fails the call, which is counted
                break;
            default:
                SubstituteRelease(kind);
                break;
        }
    }

    private readonly void SubstituteAligned(CallKind kind)
    {
        CallKind by = Of(CallKind.Memalign)->Substituted ? CallKind.AlignedAlloc : CallKind.Memalign;
        bool none = Of(by)->Substituted;
        Shape shape = kind switch { CallKind.Valloc => Shape.Page, CallKind.Pvalloc => Shape.WholePages, _ => Shape.AlignmentSize };
        if (none)
            Of(kind)->Shape = Shape.None;
        else
            Replace(kind, by, shape);
    }

    /// <summary>A form of operator delete falls back on its plain form, and that on free; the sized forms of free on free.</summary>
    private readonly void SubstituteRelease(CallKind kind)
    {
        bool array = ((int)kind & 1) != 0; // forms alternate: delete, delete[]
        CallKind plain = kind < CallKind.Delete ? CallKind.Free : array ? CallKind.DeleteArray : CallKind.Delete;
        Replace(kind, Of(plain)->Function != null ? plain : CallKind.Free, Shape.Release);
    }

    private readonly void Replace(CallKind kind, CallKind by, Shape shape)
    {
        Of(kind)->Function = Of(by)->Function;
        Of(kind)->Shape = shape;
        Of(kind)->Called = Of(by)->Called;
    }
}
