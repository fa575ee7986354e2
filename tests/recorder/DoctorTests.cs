using System.Runtime.InteropServices;
using AllocReplay.Recorder;
using AllocReplay.Recorder.Doctor;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>What stands in the way of a recording is found, in pictures of systems with one fault each.</summary>
public sealed class DoctorTests : IDisposable
{
    private const int Pid = 77;
    private const uint User = 1000;

    private static readonly string[] LimitNames = ["Max file size", "Max open files", "Max address space"];

    private readonly TemporaryDirectory _root = new();

    public DoctorTests()
    {
        Write("proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
        Write("proc/sys/kernel/yama/ptrace_scope", "0\n");
        Write("proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu tsc constant_tsc nonstop_tsc\n");
        Write("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n");
        Write("proc/self/cgroup", "0::/a/b\n");
        Process("status", "Name:\tshop\nState:\tS (sleeping)\nTracerPid:\t0\nUid:\t1000\t1000\t1000\t1000\nThreads:\t4\nSeccomp:\t0\n");
        Process("comm", "shop\n");
        Process("cmdline", "shop\0");
        Process("environ", "HOME=/\0");
        Process("maps", "7f0000000000-7f0000001000 r-xp 00000000 08:01 5   /lib/libc.so.6\n"
            + "7f0000002000-7f0000003000 r--p 00000000 08:01 5   /lib/libjemalloc.so.2\n");
        Process("limits", LimitsWith("unlimited"));
        Process("root/lib/libc.so.6", "GNU C Library (Debian) stable release version 2.36.\nCopyright");
        foreach (string process in new[] { $"{Pid}", "self" })
            foreach (string kind in new[] { "pid", "mnt", "user" })
                Link($"proc/{process}/ns/{kind}", $"{kind}:[1]");
        Link($"proc/{Pid}/exe", "/usr/bin/shop");
        Write("proc/self/status", "Seccomp:\t0\n");
        Write("proc/self/limits", LimitsWith("unlimited"));
    }

    private SystemFiles Files => new(_root.Path);

    public void Dispose() => _root.Dispose();

    [Fact] // the control
    public void A_sound_system_has_nothing_in_the_way()
    {
        Finding[] all =
        [
            MachineExamination.OfArchitecture(Architecture.X64), MachineExamination.OfKernel(Files), .. MachineExamination.OfCounter(Files, Architecture.X64),
            MachineExamination.OfMemoryLimit(Files, "proc/self"), MachineExamination.OfLimits(Files, "proc/self"), MachineExamination.OfPreload(null),
            MachineExamination.OfFilter(Files, "proc/self"), MachineExamination.OfPtrace(Files, isPrivileged: false),
            MachineExamination.OfFileSystem("/var", "ext4", isWritable: true), MachineExamination.OfSpace("/var", 5L << 30, 1 << 30), .. OfProcess(),
        ];
        Assert.All(all, f => Assert.Equal((f.Kind, Verdict.Fine, null), (f.Kind, f.Verdict, f.Obstacle)));
    }

    [Theory]
    [InlineData("4.13.0", Obstacle.OldKernel)]
    [InlineData("3.10.0-1160.el7.x86_64", Obstacle.OldKernel)]
    [InlineData("4.14.1", null)]
    [InlineData("10.0", null)]
    [InlineData("strange", null)]
    public void A_kernel_without_what_the_hook_needs_stops_it(string release, Obstacle? obstacle)
    {
        Write("proc/sys/kernel/osrelease", release);
        Finding found = MachineExamination.OfKernel(Files);
        Assert.Equal((obstacle is null ? Verdict.Fine : Verdict.Stops, obstacle), (found.Verdict, found.Obstacle));
    }

    [Theory]
    [InlineData("fpu tsc constant_tsc")]
    [InlineData("fpu tsc nonstop_tsc")]
    [InlineData("")]
    public void A_counter_that_is_not_steady_is_told(string flags)
    {
        Write("proc/cpuinfo", $"flags\t\t: {flags}\n");
        Assert.Equal(Obstacle.UnsteadyCounter, Assert.Single(MachineExamination.OfCounter(Files, Architecture.X64)).Obstacle);
        Assert.Empty(MachineExamination.OfCounter(Files, Architecture.Arm64));
    }

    [Fact]
    public void The_least_limit_of_all_groups_above_counts()
    {
        Write("sys/fs/cgroup/a/memory.max", $"{100 << 20}\n");
        Write("sys/fs/cgroup/a/b/memory.max", "max\n");
        Finding found = MachineExamination.OfMemoryLimit(Files, "proc/self");
        Assert.Equal((Obstacle.LittleMemory, "100 MiB"), (found.Obstacle, found.Found));

        Write("sys/fs/cgroup/a/memory.max", $"{8L << 30}\n");
        found = MachineExamination.OfMemoryLimit(Files, "proc/self");
        Assert.Equal((null, "8192 MiB"), (found.Obstacle, found.Found));
    }

    [Theory]
    [InlineData("ext4", false, Obstacle.NotWritable, Verdict.Stops)]
    [InlineData("tmpfs", true, Obstacle.InMemory, Verdict.Limited)]
    [InlineData("nfs4", true, Obstacle.Remote, Verdict.Limited)]
    [InlineData("btrfs", true, null, Verdict.Fine)] // nothing of a recording is a shared mapping
    [InlineData("overlay", true, null, Verdict.Fine)]
    public void A_file_system_is_judged_by_its_kind(string type, bool isWritable, Obstacle? obstacle, Verdict verdict)
    {
        Finding found = MachineExamination.OfFileSystem("/d", type, isWritable);
        Assert.Equal((obstacle, verdict), (found.Obstacle, found.Verdict));
    }

    [Fact]
    public void A_disk_that_has_no_more_than_is_left_free_stops_it() =>
        Assert.Equal(Obstacle.NoRoom, MachineExamination.OfSpace("/d", 1 << 30, 1 << 30).Obstacle);

    [Theory]
    [InlineData("Max address space", Obstacle.AddressLimit)]
    [InlineData("Max file size", Obstacle.FileSizeLimit)]
    [InlineData("Max open files", Obstacle.DescriptorLimit)]
    public void Limits_are_told(string name, Obstacle obstacle)
    {
        Process("limits", LimitsWith("unlimited").Replace($"{name,-26}unlimited", $"{name,-26}20       ", StringComparison.Ordinal));
        Assert.Equal(obstacle, Of(CheckKind.Limits).Obstacle);
    }

    [Theory]
    [InlineData("1", false, Obstacle.PtraceDescendants)]
    [InlineData("2", false, Obstacle.PtraceAdministrator)]
    [InlineData("3", false, Obstacle.PtraceNobody)]
    [InlineData("3", true, Obstacle.PtraceNobody)]
    [InlineData("2", true, null)]
    public void Who_may_trace_is_told(string scope, bool isPrivileged, Obstacle? obstacle)
    {
        Write("proc/sys/kernel/yama/ptrace_scope", scope);
        Assert.Equal(obstacle, MachineExamination.OfPtrace(Files, isPrivileged).Obstacle);
    }

    [Theory]
    [InlineData("Seccomp:\t0", "Seccomp:\t2", CheckKind.Filter, Obstacle.Filtered, Verdict.Limited)]
    [InlineData("Seccomp:\t0", "Seccomp:\t1", CheckKind.Filter, Obstacle.StrictFilter, Verdict.Stops)]
    [InlineData("TracerPid:\t0", "TracerPid:\t5", CheckKind.Tracer, Obstacle.Traced, Verdict.Limited)]
    public void What_is_set_for_a_process_is_told(string without, string with, CheckKind kind, Obstacle obstacle, Verdict verdict)
    {
        Process("status", Files.Text($"proc/{Pid}/status")!.Replace(without, with, StringComparison.Ordinal));
        Assert.Equal((obstacle, verdict), (Of(kind).Obstacle, Of(kind).Verdict));
    }

    [Theory]
    [InlineData("State:\tS", "State:\tZ", Obstacle.NoProcess)]
    [InlineData("1000\t1000\t1000\t1000", "0\t0\t0\t0", Obstacle.OtherUser)]
    [InlineData("1000\t1000\t1000\t1000", "1000\t0\t0\t0", Obstacle.OtherUser)] // with more rights than its user
    [InlineData("Uid:", "", Obstacle.NoProcess)]
    public void Of_a_process_that_is_not_ours_nothing_else_is_asked(string without, string with, Obstacle obstacle)
    {
        Process("status", Files.Text($"proc/{Pid}/status")!.Replace(without, with, StringComparison.Ordinal));
        Assert.Equal((obstacle, Verdict.Stops), Assert.Single(OfProcess()) is var f ? (f.Obstacle, f.Verdict) : default);
    }

    [Fact]
    public void A_thread_of_the_kernel_is_told()
    {
        Process("cmdline", "");
        Assert.Equal(Obstacle.KernelThread, Assert.Single(OfProcess()).Obstacle);
    }

    [Theory]
    [InlineData("/lib/libc.so.6", "/lib/ld-musl-x86_64.so.1", Obstacle.Musl)]
    [InlineData("2.36.", "2.12.", Obstacle.OldCLibrary)]
    public void A_C_library_that_the_hook_is_not_for_stops_it(string without, string with, Obstacle obstacle)
    {
        foreach (string file in new[] { "maps", "root/lib/libc.so.6" })
            Process(file, Files.Text($"proc/{Pid}/{file}")!.Replace(without, with, StringComparison.Ordinal));
        Assert.Equal((obstacle, Verdict.Stops), (Of(CheckKind.CLibrary).Obstacle, Of(CheckKind.CLibrary).Verdict));
    }

    [Fact]
    public void A_library_that_ends_within_its_version_is_read()
    {
        Process("root/lib/libc.so.6", "stable release version 2");
        Assert.Equal((Verdict.Fine, "/lib/libc.so.6"), (Of(CheckKind.CLibrary).Verdict, Of(CheckKind.CLibrary).Found));
    }

    [Fact]
    public void Libraries_are_those_that_are_mapped_with_code()
    {
        Assert.Equal("the C library's", Of(CheckKind.Allocator).Found);
        Process("maps", Files.Text($"proc/{Pid}/maps")!.Replace("r--p", "r-xp", StringComparison.Ordinal));
        Assert.Equal("/lib/libjemalloc.so.2", Of(CheckKind.Allocator).Found);
    }

    [Fact]
    public void Another_preloaded_library_and_other_namespaces_are_told()
    {
        Process("environ", "HOME=/\0LD_PRELOAD=/opt/x.so\0");
        File.Delete(_root[$"proc/{Pid}/ns/mnt"]);
        Link($"proc/{Pid}/ns/mnt", "mnt:[2]");
        Assert.Equal((Obstacle.OtherPreload, "LD_PRELOAD=/opt/x.so"), (Of(CheckKind.Preload).Obstacle, Of(CheckKind.Preload).Found));
        Assert.Equal((Obstacle.OtherNamespace, "its own (mnt)"), (Of(CheckKind.Namespaces).Obstacle, Of(CheckKind.Namespaces).Found));
    }

    [Fact]
    public void A_program_that_record_refuses_is_refused()
    {
        Finding refused = OfProcess(whyNot: Unrecordable.Static).Single(f => f.Kind == CheckKind.Program);
        Assert.Equal((Obstacle.ProgramRefused, Verdict.Stops), (refused.Obstacle, refused.Verdict));
        Finding lesser = OfProcess(unrecorded: "calls mallocx").Single(f => f.Kind == CheckKind.Program);
        Assert.Equal((Obstacle.UnrecordedCalls, "/usr/bin/shop calls mallocx"), (lesser.Obstacle, lesser.Found));
    }

    [Fact]
    public void An_allocator_that_is_linked_in_is_not_taken_for_the_C_librarys()
    {
        Assert.Equal("its own, linked into it", OfProcess(ownAllocator: true).Single(f => f.Kind == CheckKind.Allocator).Found);
        Assert.Equal("the C library's", Of(CheckKind.Allocator).Found); // the control
    }

    [Fact]
    public void A_program_that_is_recorded_is_told_to_be()
    {
        Finding recorded = OfProcess(session: "/tmp/a.allocrec").Single(f => f.Kind == CheckKind.Recorded);
        Assert.Equal((Verdict.Limited, Obstacle.RecordedAlready, "into /tmp/a.allocrec"), (recorded.Verdict, recorded.Obstacle, recorded.Found));
        Assert.Equal((Verdict.Fine, "no"), (Of(CheckKind.Recorded).Verdict, Of(CheckKind.Recorded).Found)); // the control
    }

    private Finding Of(CheckKind kind) => OfProcess().Single(f => f.Kind == kind);

    [Fact]
    public void What_attach_would_refuse_is_told()
    {
        Finding refused = OfProcess(attach: "it is stopped").Single(f => f.Kind == CheckKind.Attach);
        Assert.Equal((Verdict.Limited, Obstacle.NotAttached, "it is stopped"), (refused.Verdict, refused.Obstacle, refused.Found));
        Assert.Equal(Verdict.Fine, Of(CheckKind.Attach).Verdict); // the control
    }

    private IReadOnlyList<Finding> OfProcess(Unrecordable? whyNot = null, string? unrecorded = null, string? attach = null, bool ownAllocator = false,
        string? session = null) =>
        ProcessExamination.Examine(
            Files, $"proc/{Pid}", Pid, User, new ProcessExamination.ProgramFile(_ => whyNot, _ => unrecorded, _ => ownAllocator), _ => session, _ => attach);

    private static string LimitsWith(string value) => string.Concat(LimitNames.Select(n => $"{n,-26}{value,-21}unlimited            bytes\n"));

    private void Process(string file, string text) => Write($"proc/{Pid}/{file}", text);

    private void Write(string file, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_root[file])!);
        File.WriteAllText(_root[file], text);
    }

    private void Link(string file, string target)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_root[file])!);
        File.CreateSymbolicLink(_root[file], target);
    }
}
