using System.Runtime.InteropServices;

namespace AllocReplay.Worker;

/// <summary>Functions of our own that stand for an allocator's.</summary>
internal unsafe interface INativeCode
{
    /// <summary>The function for calls whose arguments are so.</summary>
    void* FunctionOf(Shape shape);
}

/// <summary>
/// Three trivial native functions, written as machine code: a managed function called as an unmanaged one would pay for a
/// transition that no allocator pays.
/// </summary>
internal readonly unsafe struct NoopCode : INativeCode
{
    private const ulong Block = 0x0000_1000_0000_0000; // aligned, not null; never read or written

    private readonly byte* _returnBlock, _storeBlock, _nothing;

    private NoopCode(byte* page)
    {
        const int spacing = 64;
        _returnBlock = page;
        _storeBlock = page + spacing;
        _nothing = page + 2 * spacing;
    }

    public static NoopCode Create()
    {
        byte* page = (byte*)Libc.Map(Libc.PageSize);
        var code = new NoopCode(page);
        switch (RuntimeInformation.ProcessArchitecture)
        {
            case Architecture.X64:
                WriteX64(code._returnBlock, code._storeBlock, code._nothing);
                break;
            case Architecture.Arm64:
                WriteArm64(code._returnBlock, code._storeBlock, code._nothing);
                break;
            default:
                Worker.Fail("the noop allocator knows x86-64 and aarch64 only"u8);
                break;
        }
        if (Libc.mprotect(page, Libc.PageSize, Libc.ProtRead | Libc.ProtExec) != 0)
            Worker.Fail("cannot make memory executable for the noop allocator"u8);
        return code;
    }

    public void* FunctionOf(Shape shape) => shape >= Shape.Release ? _nothing : shape == Shape.PosixMemalign ? _storeBlock : _returnBlock;

    private static void WriteX64(byte* returns, byte* stores, byte* nothing)
    {
        ReadOnlySpan<byte> loadBlock = [0x48, 0xb8]; // mov rax, imm64
        loadBlock.CopyTo(new Span<byte>(returns, 2));
        *(ulong*)(returns + 2) = Block;
        returns[10] = 0xc3; // ret
        loadBlock.CopyTo(new Span<byte>(stores, 2));
        *(ulong*)(stores + 2) = Block;
        ReadOnlySpan<byte> store = [0x48, 0x89, 0x07, 0x31, 0xc0, 0xc3]; // mov [rdi], rax; xor eax, eax; ret
        store.CopyTo(new Span<byte>(stores + 10, 6));
        *nothing = 0xc3;
    }

    private static void WriteArm64(byte* returns, byte* stores, byte* nothing)
    {
        const uint ret = 0xd65f03c0;
        uint* r = (uint*)returns;
        r[0] = 0x58000040; // ldr x0, #8
        r[1] = ret;
        *(ulong*)(r + 2) = Block;
        uint* s = (uint*)stores;
        s[0] = 0x58000081; // ldr x1, #16
        s[1] = 0xf9000001; // str x1, [x0]
        s[2] = 0x52800000; // mov w0, #0
        s[3] = ret;
        *(ulong*)(s + 4) = Block;
        *(uint*)nothing = ret;
    }
}
