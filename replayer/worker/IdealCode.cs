using System.Runtime.InteropServices;

namespace AllocReplay.Worker;

/// <summary>
/// A bump pointer, written as machine code as <see cref="NoopCode"/> is: what no allocator that gives each block bytes of its own can do in less time.
/// Releases do nothing, and a reallocation gives the next bytes.
/// </summary>
/// <remarks>
/// <code>
/// ring, 16 KiB    0: offset of the next block    64: blocks, one after the other, from the start again when the end is reached
/// </code>
/// <para>A ring is small, so that it stays in the first-level cache with what is written into blocks. A thread finds its own by its thread pointer, which lies
/// at the top of its stack: stacks are 256 KiB apart, so 256 threads in a row have a ring each. Where two share one, blocks may overlap, and nothing else
/// happens: each writes an offset within the ring.</para>
/// <para>A block larger than a ring is the start of one region that is as large as the largest block.</para>
/// </remarks>
internal readonly unsafe struct IdealCode : INativeCode
{
    private const int RingBytes = 1 << 14;
    private const int Rings = 256;

    private readonly byte* _code;
    private readonly Entries _at;

    private IdealCode(byte* code, Entries at)
    {
        _code = code;
        _at = at;
    }

    /// <summary>Where in the code each function begins.</summary>
    /// <param name="First">Size in the first argument.</param>
    /// <param name="Second">Size in the second.</param>
    /// <param name="Product">The first times the second.</param>
    /// <param name="LastProduct">The second times the third.</param>
    /// <param name="Store">Size in the third, the block's address stored where the first says; returns 0.</param>
    /// <param name="Nothing">Returns.</param>
    private sealed record Entries(int First, int Second, int Product, int LastProduct, int Store, int Nothing);

    /// <param name="largest">Bytes of the largest block.</param>
    public static IdealCode Create(ulong largest)
    {
        ulong rings = (ulong)Libc.Map(Rings * RingBytes);
        void* region = Libc.mmap(
            null, (nuint)Math.Max(largest, Libc.PageSize), Libc.ProtRead | Libc.ProtWrite, Libc.MapPrivate | Libc.MapAnonymous | Libc.MapNoReserve, -1, 0);
        if (region == (void*)-1)
            Worker.Fail("cannot reserve memory for the largest block of the ideal allocator: "u8, (long)largest, " bytes"u8);
        byte* page = (byte*)Libc.Map(Libc.PageSize);
        var code = new Span<byte>(page, Libc.PageSize);
        Entries at;
        switch (RuntimeInformation.ProcessArchitecture)
        {
            case Architecture.X64:
                at = WriteX64(code, rings, (ulong)region);
                break;
            case Architecture.Arm64:
                at = WriteArm64(MemoryMarshal.Cast<byte, uint>(code), rings, (ulong)region);
                break;
            default:
                Worker.Fail("the ideal allocator knows x86-64 and aarch64 only"u8);
                return default;
        }
        if (Libc.mprotect(page, Libc.PageSize, Libc.ProtRead | Libc.ProtExec) != 0)
            Worker.Fail("cannot make memory executable for the ideal allocator"u8);
        return new IdealCode(page, at);
    }

    public void* FunctionOf(Shape shape) => _code + shape switch
    {
        >= Shape.Release => _at.Nothing,
        Shape.CountSize => _at.Product,
        Shape.AlignmentSize or Shape.Realloc => _at.Second,
        Shape.ReallocArray => _at.LastProduct,
        Shape.PosixMemalign => _at.Store,
        _ => _at.First,
    };

    private static Entries WriteX64(Span<byte> code, ulong rings, ulong region)
    {
        ReadOnlySpan<byte> all =
        [
            0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0, //  0x00  first: mov rax, fs:[0]
            0x48, 0xc1, 0xe8, 0x12, //                    0x09  shr rax, 18
            0x25, 0xff, 0, 0, 0, //                       0x0d  and eax, 255
            0xc1, 0xe0, 0x0e, //                          0x12  shl eax, 14
            0x48, 0xb9, 0, 0, 0, 0, 0, 0, 0, 0, //        0x15  mov rcx, rings
            0x48, 0x01, 0xc1, //                          0x1f  add rcx, rax
            0x48, 0x83, 0xc7, 0x0f, //                    0x22  add rdi, 15
            0x48, 0x83, 0xe7, 0xf0, //                    0x26  and rdi, -16
            0x48, 0x81, 0xff, 0xc0, 0x3f, 0, 0, //        0x2a  cmp rdi, 16320
            0x77, 0x21, //                                0x31  ja large
            0x48, 0x8b, 0x01, //                          0x33  mov rax, [rcx]
            0x48, 0x8d, 0x14, 0x38, //                    0x36  lea rdx, [rax + rdi]
            0x48, 0x81, 0xfa, 0xc0, 0x3f, 0, 0, //        0x3a  cmp rdx, 16320
            0x77, 0x09, //                                0x41  ja wrap
            0x48, 0x89, 0x11, //                          0x43  mov [rcx], rdx
            0x48, 0x8d, 0x44, 0x01, 0x40, //              0x46  lea rax, [rcx + rax + 64]
            0xc3, //                                      0x4b  ret
            0x48, 0x89, 0x39, //                          0x4c  wrap: mov [rcx], rdi
            0x48, 0x8d, 0x41, 0x40, //                    0x4f  lea rax, [rcx + 64]
            0xc3, //                                      0x53  ret
            0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, //        0x54  large: mov rax, region
            0xc3, //                                      0x5e  ret
            0x48, 0x89, 0xf7, //                          0x5f  second: mov rdi, rsi
            0xeb, 0x9c, //                                0x62  jmp first
            0x48, 0x0f, 0xaf, 0xfe, //                    0x64  product: imul rdi, rsi
            0xeb, 0x96, //                                0x68  jmp first
            0x48, 0x0f, 0xaf, 0xf2, //                    0x6a  last product: imul rsi, rdx
            0x48, 0x89, 0xf7, //                          0x6e  mov rdi, rsi
            0xeb, 0x8d, //                                0x71  jmp first
            0x57, //                                      0x73  store: push rdi
            0x48, 0x89, 0xd7, //                          0x74  mov rdi, rdx
            0xe8, 0x84, 0xff, 0xff, 0xff, //              0x77  call first
            0x5f, //                                      0x7c  pop rdi
            0x48, 0x89, 0x07, //                          0x7d  mov [rdi], rax
            0x31, 0xc0, //                                0x80  xor eax, eax
            0xc3, //                                      0x82  nothing: ret
        ];
        all.CopyTo(code);
        MemoryMarshal.Write(code[0x17..], in rings);
        MemoryMarshal.Write(code[0x56..], in region);
        return new Entries(First: 0, Second: 0x5f, Product: 0x64, LastProduct: 0x6a, Store: 0x73, Nothing: 0x82);
    }

    private static Entries WriteArm64(Span<uint> code, ulong rings, ulong region)
    {
        ReadOnlySpan<uint> all =
        [
            0xd53bd049, // 0x00  first: mrs x9, tpidr_el0
            0xd3526529, // 0x04  ubfx x9, x9, #18, #8
            0x5800048a, // 0x08  ldr x10, rings
            0x8b09394a, // 0x0c  add x10, x10, x9, lsl #14
            0x91003c00, // 0x10  add x0, x0, #15
            0x927cec00, // 0x14  and x0, x0, #-16
            0xd287f80b, // 0x18  mov x11, #16320
            0xeb0b001f, // 0x1c  cmp x0, x11
            0x54000188, // 0x20  b.hi large
            0xf9400149, // 0x24  ldr x9, [x10]
            0x8b00012c, // 0x28  add x12, x9, x0
            0xeb0b019f, // 0x2c  cmp x12, x11
            0x540000a8, // 0x30  b.hi wrap
            0xf900014c, // 0x34  str x12, [x10]
            0x8b090140, // 0x38  add x0, x10, x9
            0x91010000, // 0x3c  add x0, x0, #64
            0xd65f03c0, // 0x40  ret
            0xf9000140, // 0x44  wrap: str x0, [x10]
            0x91010140, // 0x48  add x0, x10, #64
            0xd65f03c0, // 0x4c  ret
            0x58000280, // 0x50  large: ldr x0, region
            0xd65f03c0, // 0x54  ret
            0xaa0103e0, // 0x58  second: mov x0, x1
            0x17ffffe9, // 0x5c  b first
            0x9b017c00, // 0x60  product: mul x0, x0, x1
            0x17ffffe7, // 0x64  b first
            0x9b027c20, // 0x68  last product: mul x0, x1, x2
            0x17ffffe5, // 0x6c  b first
            0xaa0003ed, // 0x70  store: mov x13, x0
            0xaa1e03ee, // 0x74  mov x14, x30
            0xaa0203e0, // 0x78  mov x0, x2
            0x97ffffe1, // 0x7c  bl first
            0xf90001a0, // 0x80  str x0, [x13]
            0x52800000, // 0x84  mov w0, #0
            0xd65f01c0, // 0x88  ret x14
            0xd503201f, // 0x8c  nop
            0xd65f03c0, // 0x90  nothing: ret
            0xd503201f, // 0x94  nop
        ];
        const int ringsAt = 0x98 / sizeof(uint), regionAt = 0xa0 / sizeof(uint); // rings, region: the two addresses, after the code
        all.CopyTo(code);
        MemoryMarshal.Write(MemoryMarshal.AsBytes(code[ringsAt..]), in rings);
        MemoryMarshal.Write(MemoryMarshal.AsBytes(code[regionAt..]), in region);
        return new Entries(First: 0, Second: 0x58, Product: 0x60, LastProduct: 0x68, Store: 0x70, Nothing: 0x90);
    }
}
