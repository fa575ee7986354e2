using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using AllocReplay.Formats;
using AllocReplay.Formats.Stacks;
using AllocReplay.Symbols;
using AllocReplay.Symbols.Jit;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Symbols;

/// <summary>Code that was made at run time: what runtimes tell of it in files.</summary>
public sealed class JitFilesTests : IDisposable
{
    private const uint Pid = 4_194_305; // more than the kernel gives

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_map_tells_functions_by_their_addresses()
    {
        var code = new JitCode();
        JitFiles.ReadMap("1000 20 JS:~f a.js:1:2\n0x1020 10 void [App] P::Main(string[])\n1000 8 later\nbad\n2000 x y\n3000 0 empty\n"u8, code);
        Assert.Equal("later", code.At(0x1000)?.Function);
        Assert.Null(code.At(0x1008)); // what was there before is gone
        Assert.Equal("void [App] P::Main(string[])", code.At(0x102f)?.Function);
        Assert.Null(code.At(0x1030));
        Assert.Null(code.At(0x3000));
    }

    /// <summary>In whatever order its lines come, a large map is read in no time.</summary>
    [Fact]
    public void A_large_map_is_read()
    {
        var code = new JitCode();
        string map = string.Concat(Enumerable.Range(0, 200_000).Select(i => $"{(500_000 - i) * 16:x} 10 f{i}\n"));
        JitFiles.ReadMap(Encoding.ASCII.GetBytes(map), code);
        Assert.Equal("f199999", code.At((500_000 - 199_999) * 16 + 5)?.Function);
    }

    [Fact]
    public void A_function_that_begins_inside_another_hides_only_its_part()
    {
        var code = new JitCode();
        JitFiles.ReadMap("1000 100 outer\n1010 10 inner\n"u8, code);
        Assert.Equal(["outer", "inner", "outer", null], new ulong[] { 0x100f, 0x101f, 0x1020, 0x1100 }.Select(a => code.At(a)?.Function));
    }

    [Fact]
    public void A_dump_tells_lines_and_moves()
    {
        byte[] dump =
        [
            .. Header(),
            .. Record(2, [.. U64(0x1000), .. U64(3), .. Line(0x1000, 10, "a.cs"), .. Line(0x1008, 12, null), .. Line(0x1010, 3, "b.cs")]),
            .. Record(0, Load(0x1000, 0x20, "f")),
            .. Record(0, Load(0x5000, 0x20, "g")),
            .. Record(77, [1, 2, 3]),
            .. Record(1, [.. U32(1), .. U32(1), .. U64(0), .. U64(0x1000), .. U64(0x9000), .. U64(0x20), .. U64(1)]),
        ];
        var code = new JitCode();
        Assert.True(JitFiles.ReadDump(dump, code));
        Assert.Equal(new FunctionLine("f", "", "a.cs", 10), code.At(0x1007));
        Assert.Equal(new FunctionLine("f", "", "a.cs", 12), code.At(0x1008));
        Assert.Equal(new FunctionLine("f", "", "b.cs", 3), code.At(0x101f));
        Assert.Equal(new FunctionLine("g", "", "", 0), code.At(0x5000));
        Assert.Equal(new FunctionLine("f", "", "a.cs", 12), code.At(0x9008));
    }

    /// <summary>A dump may be cut anywhere, as its program may be killed, and anything may stand in it.</summary>
    [Fact]
    public void A_damaged_dump_tells_what_comes_before()
    {
        byte[] whole = [.. Header(), .. Record(2, [.. U64(1), .. U64(9), .. Line(1, 1, "x")]), .. Record(0, Load(0x1000, 8, "f"))];
        var random = new Random(11);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] bytes = whole.AsSpan(0, random.Next(whole.Length + 1)).ToArray();
            if (bytes.Length > 0 && i % 2 == 0)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            var code = new JitCode();
            JitFiles.ReadDump(bytes, code);
            JitFiles.ReadMap(bytes, code);
            _ = code.At(0x1001);
        }
        Assert.False(JitFiles.ReadDump("no dump, but longer than its header would be"u8, new JitCode()));
    }

    /// <summary>The directory is everybody's and numbers come again: a map from before the process is another's.</summary>
    [Fact]
    public void A_map_counts_if_it_was_written_after_the_process_began()
    {
        Directory.CreateDirectory(_directory["root/tmp"]);
        string map = _directory[$"root/tmp/perf-{Pid}.map"];
        File.WriteAllText(map, "7000 10 jitted\n");
        DateTimeOffset written = File.GetLastWriteTimeUtc(map);
        Assert.Equal((1, map), Resolve(written.AddSeconds(-1)));
        Assert.Equal((0, ""), Resolve(written.AddSeconds(1)));
        File.Move(map, map + ".other");
        File.CreateSymbolicLink(map, map + ".other");
        Assert.Equal((0, ""), Resolve(written.AddSeconds(-1)));
    }

    /// <summary>A service that is warm has written it before it was attached to: while it runs, the kernel says when it began.</summary>
    [Fact]
    public void Of_a_program_that_was_attached_to_a_map_from_before_that_counts()
    {
        Directory.CreateDirectory(_directory["root/tmp"]);
        uint own = (uint)Environment.ProcessId;
        string map = _directory[$"root/tmp/perf-{own}.map"];
        File.WriteAllText(map, "7000 10 jitted\n");
        ProcessInfo attached = SymbolizerTests.Process(DateTimeOffset.UtcNow.AddSeconds(10), own) with { Source = ProcessInfo.FromAttach };
        Assert.Equal((1, map), Resolve(attached));
        Assert.Equal((0, ""), Resolve(attached with { Source = ProcessInfo.FromPreload })); // the control
        File.SetLastWriteTimeUtc(map, Process.GetCurrentProcess().StartTime.ToUniversalTime().AddSeconds(-10));
        Assert.Equal((0, ""), Resolve(attached));
    }

    private (int Named, string Source) Resolve(DateTimeOffset started) => Resolve(SymbolizerTests.Process(started, Pid));

    private (int Named, string Source) Resolve(ProcessInfo process)
    {
        using var symbolizer = new Symbolizer(new SymbolOptions { Cache = null, Sysroot = _directory["root"] }, TestContext.Current.CancellationToken);
        SymbolResult result = symbolizer.Resolve(CodeFrames.InNone(0x7008), process);
        ModuleSymbols module = Assert.Single(result.Modules);
        Assert.Equal(module.Named == 0, module.Problem is not null);
        return (result.Symbols.Count, module.Source);
    }

    private static byte[] Header()
    {
        var header = new byte[40];
        BinaryPrimitives.WriteUInt32LittleEndian(header, 0x4a695444);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(4), 1);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), 40);
        return header;
    }

    private static byte[] Record(uint kind, byte[] body) => [.. U32(kind), .. U32((uint)body.Length + 16), .. U64(0), .. body];

    private static byte[] Load(ulong address, ulong size, string name) =>
        [.. U32(1), .. U32(1), .. U64(address), .. U64(address), .. U64(size), .. U64(1), .. Encoding.UTF8.GetBytes(name + "\0"), .. new byte[size]];

    private static byte[] Line(ulong address, int line, string? file) =>
        [.. U64(address), .. U32((uint)line), .. U32(0), .. file is null ? [0xff, 0] : Encoding.UTF8.GetBytes(file + "\0")];

    private static byte[] U32(uint value) => BitConverter.GetBytes(value);

    private static byte[] U64(ulong value) => BitConverter.GetBytes(value);
}
