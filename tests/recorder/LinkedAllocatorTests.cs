using System.Buffers.Binary;
using System.Globalization;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Statistics;
using AllocReplay.Tests.Support;
using Iced.Intel;

namespace AllocReplay.Tests.Recorder;

/// <summary>
/// Allocators that are linked into the executable, whose calls no symbol leads through: each function is recorded as what it is, and does what it did.
/// </summary>
[StartsProcesses]
public sealed class LinkedAllocatorTests(ITestOutputHelper output) : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private string Recording => _directory["test.allocrec"];

    /// <summary>Linked as a whole, as a program does that wants no other.</summary>
    public static TheoryData<string> Archives => ["libjemalloc.a", "libtcmalloc_minimal.a"];

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData]
    [InlineData("-DSTANDARD")]
    [InlineData("-DSTANDARD", "-rdynamic")]
    [InlineData("-DSTANDARD", "-O2")]
    [InlineData("-DSTANDARD", "-no-pie", "-O2")]
    [InlineData("-DSTANDARD", "-fcf-protection=full", "-fno-omit-frame-pointer")]
    public void Each_function_is_recorded_as_what_it_does(params string[] flags)
    {
        Need();
        string[] expected = Record(Targets.Build("linked_functions.c", flags)).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

        using TraceReader reader = TraceReader.Open(Recording);
        Assert.Equal(ProcessInfo.LinkedRecorded, reader.Process.LinkedAllocator);
        Assert.Equal(expected, CallsOf(reader));
        Assert.True(expected.Length > 150);
    }

    [Fact]
    public void Without_detours_they_are_refused_where_malloc_is_among_them()
    {
        string program = Targets.Build("linked_functions.c", "-DSTANDARD");
        ProgramResult refused = Programs.AllocReplay("record", "--no-detours", "-o", Recording, "--", program);
        Assert.Equal(125, refused.ExitCode);
        Assert.Contains("nothing can be recorded: it has a malloc of its own linked in", refused.Error, StringComparison.Ordinal);

        Record(Targets.Build("linked_functions.c"), "--no-detours");
        using TraceReader reader = TraceReader.Open(Recording);
        Assert.Null(reader.Process.LinkedAllocator);
        Assert.Empty(CallsOf(reader));
    }

    [Theory]
    [MemberData(nameof(Archives))]
    public void Calls_of_a_real_allocator_are_those_that_the_program_counts(string archive)
    {
        Need();
        string[] flags = Linked(archive);
        using var program = RunningProgram.Attached(4, flags);
        program.Work(TimeSpan.FromMilliseconds(50));
        long before = program.Do("hold");
        using (AttachedRecorder attached = program.Attach(Recording, "--stacks", "auto"))
        {
            program.Work(TimeSpan.FromMilliseconds(50));
            long during = program.Do("hold") - before;
            attached.Detach();
            output.WriteLine($"{during} calls; {attached.Said}");
            using TraceReader reader = TraceReader.Open(Recording);
            Assert.Equal(during, TraceStatistics.Of(reader).Calls + (long)reader.Process.LostEvents);
            Assert.Equal((ProcessInfo.FromAttach, ProcessInfo.LinkedRecorded), (reader.Process.Source, reader.Process.LinkedAllocator));
            Assert.Equal((0, 0), (reader.Merge.UnknownReleases, reader.Merge.ForcedSteps));
        }
        program.Work(TimeSpan.FromMilliseconds(50));
        Assert.Equal(0, program.Finish());
    }

    [Fact]
    public void Where_no_code_can_be_made_it_is_told_that_its_calls_are_not_recorded()
    {
        Need();
        using var program = RunningProgram.Attached(1, Linked("libjemalloc.a"));
        Assert.SkipUnless(program.Do("forbid") == 0, "this kernel has no PR_SET_MDWE");
        ProgramResult attached = Programs.AllocReplay("attach", $"{program.Pid}", "-q", "-o", Recording, "--duration", "10ms");
        Assert.Equal(0, attached.ExitCode);
        Assert.Contains("its functions cannot be led elsewhere: it forbids itself to make code", attached.Error, StringComparison.Ordinal);
        program.WorkSome();
        Assert.Equal(0, program.Finish());
    }

    /// <summary>From its start, against the same program with the C library's allocator: what its threads call, and that no block is lost sight of.</summary>
    [Theory]
    [MemberData(nameof(Archives))]
    public void A_program_with_a_real_allocator_is_recorded_from_its_start(string archive)
    {
        Need();
        string[] flags = Linked(archive);
        Record(Targets.Build("producer_consumer.c"));
        int calls = CallsOfThreads();
        Record(Targets.Build("producer_consumer.c", flags));
        using TraceReader reader = TraceReader.Open(Recording);
        Assert.Equal(ProcessInfo.LinkedRecorded, reader.Process.LinkedAllocator);
        Assert.True(calls > 10_000);
        Assert.Equal(calls, CallsOfThreads());
        TraceStatistics.Of(reader);
        Assert.Equal((0L, 0L, 0UL), (reader.Merge.UnknownReleases, reader.Merge.ImplicitReleases, reader.Process.LostEvents));
    }

    private int CallsOfThreads()
    {
        using TraceReader reader = TraceReader.Open(Recording);
        return Events(reader).Count(e => e.Thread > 0 && !CallKinds.IsThreadEvent(e.Kind));
    }

    /// <summary>
    /// Its operator new asks its own malloc: one call of the program's. Where it throws, calls after that are recorded again.
    /// </summary>
    [Theory]
    [InlineData]
    [InlineData("-rdynamic")]
    [InlineData("-fvisibility=hidden")]
    public void What_its_operators_ask_of_its_malloc_is_not_the_program_s_and_an_exception_ends_it(params string[] flags)
    {
        Need();
        Record(Targets.Build("linked_new.cpp", flags));
        using TraceReader reader = TraceReader.Open(Recording);
        List<TraceEvent> events = Events(reader);
        int Count(CallKind kind, ulong size) => events.Count(e => e.Kind == kind && e.Size == size);
        Assert.Equal((100, 0, 100, 100),
            (Count(CallKind.New, 701), Count(CallKind.Malloc, 701), Count(CallKind.Malloc, 702), events.Count(e => e.Kind == CallKind.Delete)));
    }

    /// <summary>They take other arguments, and would not get them.</summary>
    [Fact]
    public void A_name_alone_makes_no_allocator()
    {
        Need();
        string program = Targets.Build("namesakes.c");
        Assert.Equal(Programs.Run(program, []).Output, Record(program).Output);
        using TraceReader reader = TraceReader.Open(Recording);
        Assert.Null(reader.Process.LinkedAllocator);
    }

    /// <summary>Also registers that a function of the same file may be relied on to leave alone are as it leaves them.</summary>
    [Fact]
    public void What_a_compiler_keeps_in_registers_across_a_call_is_kept()
    {
        Need();
        string program = Targets.Build("kept_registers.c", "-O2");
        Assert.Equal(Programs.Run(program, []).Output, Record(program).Output);
        using TraceReader reader = TraceReader.Open(Recording);
        TraceStatistics statistics = TraceStatistics.Of(reader);
        Assert.InRange(statistics.CountOf(CallKind.Malloc), 2000, 2100);
        Assert.InRange(statistics.CountOf(CallKind.Free), 2000, 2100);
    }

    [Fact] // the control
    public void Registers_that_are_lost_are_noticed()
    {
        Need();
        string program = Targets.Build("kept_registers.c", "-O2"), session = _directory["lost.allocrec"];
        Directory.CreateDirectory(session);
        string hook = HookBuild.With(_directory["lost.so"], "-DAR_PLANTED_LOST");
        ProgramResult result = Programs.Run("env", [$"LD_PRELOAD={hook}", $"ALLOCREPLAY_DIR={session}", program]);
        Assert.NotEqual((0, Programs.Run(program, []).Output), (result.ExitCode, result.Output));
    }

    /// <summary>Busy threads; after each cycle the code is what it was.</summary>
    [Theory]
    [MemberData(nameof(Archives))]
    public void Attaching_again_and_again_leaves_the_code_as_it_was(string archive)
    {
        Need();
        using var program = RunningProgram.Attached(4, Linked(archive));
        byte[] code = CodeOf(program.Pid);
        program.Do("go");
        for (int i = 0; i < Effort.OfLong(200, usual: 2); i++)
        {
            using AttachedRecorder attached = program.Attach(Recording);
            Assert.NotEqual(code, CodeOf(program.Pid)); // the control
            attached.Detach();
            Directory.Delete(Recording, recursive: true);
            Assert.Equal(code, CodeOf(program.Pid));
        }
        Assert.True(program.Do("hold") > 0);
        Assert.Equal(0, program.Finish());
    }

    /// <summary>Functions that begin in many ways: what can be moved is, and does what it did; what cannot is left alone.</summary>
    [Theory]
    [InlineData]
    [InlineData("-no-pie")]
    public void Only_what_can_be_moved_is(params string[] flags)
    {
        Need();
        string[] refused = ["early_return", "too_short", "jumps_behind_start", "unknown", "across", "calls_indirectly", "counts_down"];
        ProgramResult result = Programs.Run(Detours(flags), []);
        string[] lines = result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(0, result.ExitCode);
        Assert.Equal(22, lines.Length);
        Assert.All(lines, l => Assert.EndsWith(refused.Contains(l.Split(' ')[0]) ? " refused" : " ok", l, StringComparison.Ordinal));
    }

    [Fact] // the control
    public void A_jump_behind_the_beginning_that_goes_unnoticed_ends_the_program()
    {
        Need();
        ProgramResult result = Programs.Run("timeout", ["20", Detours("-DPLANT")]);
        Assert.DoesNotContain("jumps_behind_start ok", result.Output, StringComparison.Ordinal);
        Assert.NotEqual(0, result.ExitCode);
    }

    /// <summary>Against another decoder, on the code of large libraries: lengths, jumps and what is relative to its place.</summary>
    [Theory]
    [InlineData("libc.so.6")]
    [InlineData("libstdc++.so.6")]
    [InlineData("libjemalloc.so.2")]
    public void Instructions_are_read_as_another_decoder_reads_them(string library)
    {
        Need();
        (List<Instruction> instructions, byte[] code) = Decode(PathOf(library));
        string[] ours = Read(code, instructions, Detours());
        int known = 0;
        for (int i = 0; i < instructions.Count; i++)
        {
            if (ours[i] == "0")
                continue;
            known++;
            Assert.True(Expected(instructions[i]) == ours[i], $"{instructions[i]} at {instructions[i].IP:x}: {Expected(instructions[i])}, and ours {ours[i]}");
        }
        output.WriteLine($"{library}: {instructions.Count} instructions, {100.0 * known / instructions.Count:0.0} % known");
        Assert.True(known > instructions.Count * 0.8);
    }

    [Fact]
    public void A_length_that_is_read_wrongly_is_found() // the control
    {
        Need();
        (List<Instruction> instructions, byte[] code) = Decode(PathOf("libc.so.6"));
        string[] ours = Read(code, instructions, Detours("-DPLANT"));
        Assert.Contains(Enumerable.Range(0, instructions.Count), i => ours[i] != "0" && ours[i] != Expected(instructions[i]));
    }

    /// <summary>As detours.c prints it.</summary>
    private static string Expected(in Instruction i)
    {
        (int kind, long distance) = i.FlowControl switch
        {
            FlowControl.ConditionalBranch => (2, (long)(i.NearBranchTarget - i.NextIP)),
            FlowControl.UnconditionalBranch => (3, (long)(i.NearBranchTarget - i.NextIP)),
            FlowControl.Call => (4, (long)(i.NearBranchTarget - i.NextIP)),
            _ when i.IsIPRelativeMemoryOperand => (1, (long)(i.IPRelativeMemoryAddress - i.NextIP)),
            _ => (0, 0),
        };
        return string.Create(CultureInfo.InvariantCulture, $"1 {i.Length} {kind} {distance}");
    }

    private static (List<Instruction> Instructions, byte[] Code) Decode(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        (int offset, int length) = CodeOf(file);
        byte[] code = file.AsSpan(offset, length).ToArray();
        var decoder = Decoder.Create(64, code);
        var all = new List<Instruction>();
        while (decoder.IP < (ulong)code.Length)
        {
            decoder.Decode(out Instruction i);
            if (!i.IsInvalid)
                all.Add(i);
        }
        return (all, code);
    }

    private string[] Read(byte[] code, List<Instruction> instructions, string program)
    {
        const int each = 15;
        byte[] input = new byte[instructions.Count * each];
        for (int i = 0; i < instructions.Count; i++)
        {
            int at = (int)instructions[i].IP;
            code.AsSpan(at, Math.Min(each, code.Length - at)).CopyTo(input.AsSpan(i * each));
        }
        File.WriteAllBytes(_directory["code"], input);
        return Programs.Run("sh", ["-c", $"'{program}' decode < '{_directory["code"]}'"]).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>The section .text of an ELF file.</summary>
    private static (int Offset, int Length) CodeOf(byte[] file)
    {
        ulong At(int at) => BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(at));
        int sections = (int)At(40), count = BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(60));
        const ulong executable = 4; // SHF_EXECINSTR
        return Enumerable.Range(0, count).Select(i => sections + i * 64).Where(s => (At(s + 8) & executable) != 0)
            .Select(s => ((int)At(s + 24), (int)At(s + 32))).MaxBy(s => s.Item2);
    }

    /// <summary>The executable's code, as it is in memory.</summary>
    private static byte[] CodeOf(int pid)
    {
        string executable = File.ResolveLinkTarget($"/proc/{pid}/exe", returnFinalTarget: false)!.FullName;
        string[] range = File.ReadLines($"/proc/{pid}/maps")
            .First(l => l.EndsWith(executable, StringComparison.Ordinal) && l.Contains("r-xp", StringComparison.Ordinal))
            .Split(' ')[0].Split('-');
        long start = long.Parse(range[0], NumberStyles.HexNumber), end = long.Parse(range[1], NumberStyles.HexNumber);
        using FileStream memory = File.OpenRead($"/proc/{pid}/mem");
        byte[] code = new byte[end - start];
        memory.Seek(start, SeekOrigin.Begin);
        memory.ReadExactly(code);
        return code;
    }

    private static string PathOf(string library)
    {
        string? path = Libraries.Find(library);
        Assert.SkipWhen(path is null, $"{library} is not installed");
        return path;
    }

    private static string[] CallsOf(TraceReader reader) =>
    [
        .. from e in Events(reader)
           where CallKinds.IsAcquisition(e.Kind) && !CallKinds.IsReallocEnd(e.Kind) || CallKinds.IsDeallocation(e.Kind) || CallKinds.IsReallocBegin(e.Kind)
           select $"{e.Kind} {e.Size} {e.Count} {e.Alignment}",
    ];

    private static List<TraceEvent> Events(TraceReader reader)
    {
        var events = new List<TraceEvent>();
        while (reader.Read(out TraceEvent e))
            events.Add(e);
        return events;
    }

    private ProgramResult Record(string program, params string[] options)
    {
        ProgramResult result = Programs.AllocReplay(["record", "--force", .. options, "-o", Recording, "--", program]);
        Assert.True(result.ExitCode == 0, result.Error);
        return result;
    }

    private static string Detours(params string[] flags)
    {
        string Source(string name) => Path.Combine(SourceTree.Root, name);
        return Targets.Build("detours.c", ["-D_GNU_SOURCE", "-I", Source("recorder/core"), "-I", Source("recorder/hook"),
            "-I", Source("formats/native"), .. flags, Source("recorder/hook/object.c"), Source("recorder/core/system.c"), "-ldl"]);
    }

    /// <summary>Arguments with which the compiler links an allocator in; the test is skipped where its archive is not installed.</summary>
    private static string[] Linked(string archive)
    {
        string path = Path.Combine("/usr/lib/x86_64-linux-gnu", archive);
        Assert.SkipUnless(File.Exists(path), $"{archive} is not installed");
        return [path, "-lstdc++", "-ldl", "-lm"];
    }

    private static void Need() => Assert.SkipUnless(System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture
        == System.Runtime.InteropServices.Architecture.X64, "detours are built for x86-64");
}
