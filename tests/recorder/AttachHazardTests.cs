using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using AllocReplay.Recorder;
using AllocReplay.Recorder.Attach;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>Programs that an attach could hurt: each does what it would have done, whether it was attached to or refused.</summary>
[StartsProcesses]
public sealed class AttachHazardTests(ITestOutputHelper output) : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    /// <summary>It seems to wait in a call that only waits, with malloc's lock held by what the handler has interrupted.</summary>
    [Fact]
    public void A_signal_handler_that_waits_is_left_alone()
    {
        Need();
        using var program = new RunningProgram(Targets.Build("handler_waits.c"));
        Refused(program, "it handles a signal, or seems to");
        Assert.Equal(0, program.Finish());
    }

    /// <summary>The loader's locks would be lost with what had taken them.</summary>
    [Theory]
    [InlineData("cancel")]
    [InlineData("jump")]
    public void A_thread_that_is_thrown_out_of_its_wait_is_so_when_the_library_is_open(string how)
    {
        Need();
        using var program = new RunningProgram(Targets.Build("thrown_out.c"), how);
        using (AttachedRecorder attached = program.Attach(_directory["r.allocrec"]))
            Assert.Equal(0, program.Finish());
    }

    [Fact]
    public void A_thread_for_whom_the_holder_of_a_loaders_lock_waits_is_left_alone()
    {
        Need();
        using var callback = new RunningProgram(Targets.Build("loader_held.c"));
        Refused(callback, "one of the loader's locks, which another thread holds");
        Assert.Equal(0, callback.Finish());
        using var constructor = new RunningProgram(Targets.Build("opens.c"), Targets.Build("loader_held_library.c", "-shared", "-fPIC"));
        Refused(constructor, "one of the loader's locks, which another thread holds");
        Assert.Equal(0, constructor.Finish());
    }

    /// <summary>Its loader leaves a part of the library mapped, which is no recorder: the next attempt is refused for the same reason.</summary>
    [Fact]
    public void A_program_that_may_lock_no_more_memory_is_told_as_often_as_it_is_asked()
    {
        Need();
        using var program = new RunningProgram(Targets.Build("locks_memory.c"));
        for (int i = 0; i < 2; i++)
            Refused(program, "its loader did not open the recorder's library: it locks its memory (mlockall)");
        Assert.Contains("it locks its memory", Attachment.WhyNot(program.Pid), StringComparison.Ordinal);
        Assert.Equal(0, program.Finish());
    }

    /// <summary>What can be seen from outside is told before, and is gone when it is mended.</summary>
    [Theory]
    [InlineData("--nofile=3:1024", "--nofile=1024:1024", "all of its 3 descriptors are in use")]
    [InlineData("--as=67108864:", "--as=unlimited:", "MiB of addresses are left to it")]
    public void Limits_that_are_in_the_way_are_told(string limited, string mended, string why)
    {
        Need();
        Programs.Need("prlimit");
        using var program = RunningProgram.Attached(1);
        Assert.Equal(0, Programs.Run("prlimit", ["--pid", $"{program.Pid}", limited]).ExitCode);
        Assert.Contains(why, Attachment.WhyNot(program.Pid), StringComparison.Ordinal);
        Refused(program, why);
        Assert.Equal(0, Programs.Run("prlimit", ["--pid", $"{program.Pid}", mended]).ExitCode);
        Assert.Null(Attachment.WhyNot(program.Pid));
        Assert.Equal(0, program.Finish());
    }

    /// <summary>Of the first thread by what the kernel lets it grow to, of another by what the C library says of it.</summary>
    [Theory]
    [InlineData("stack_left.c", "30", "")]
    [InlineData("thread_stacks.c", "cut", "16")]
    public void A_stack_that_is_too_small_is_left_alone(string source, string first, string second)
    {
        Need();
        using var program = new RunningProgram(Targets.Build(source), first, second);
        Refused(program, "too little stack left");
        Assert.Equal(0, program.Finish());
    }

    /// <summary>The control of the one above.</summary>
    [Theory]
    [InlineData("stack_left.c", "200", "")]
    [InlineData("thread_stacks.c", "cut", "256")]
    [InlineData("thread_stacks.c", "guard", "0")]
    [InlineData("thread_stacks.c", "guard", "4")]
    [InlineData("thread_stacks.c", "guard", "1024")]
    [InlineData("timed_socket.c", "", "")]
    public void A_stack_that_is_large_enough_is_taken_and_what_was_waited_for_goes_on(string source, string first, string second)
    {
        Need();
        using var program = new RunningProgram(Targets.Build(source), first, second);
        for (int i = 0; i < 3; i++)
        {
            using AttachedRecorder attached = program.Attach(_directory[$"r{i}.allocrec"]);
            attached.Detach();
        }
        Assert.Equal(0, program.Finish());
    }

    /// <summary>They wait for a child, on a stack on which malloc and fork have just been.</summary>
    [Theory]
    [InlineData("bash")]
    [InlineData("dash")]
    public void A_shell_that_waits_for_a_child_is_attached_to(string shell)
    {
        Need();
        Programs.Need(shell);
        using var program = new RunningProgram(shell, "-c", "echo runs; while :; do sleep 1; done");
        using AttachedRecorder attached = program.Attach(_directory["r.allocrec"]);
        attached.Detach();
        Assert.False(program.HasExited);
    }

    /// <summary>The shared memory is hundreds of MiB, most of which is never touched.</summary>
    [Fact]
    public void A_program_that_has_all_its_memory_locked_does_not_have_ours_locked()
    {
        Need();
        using var program = new RunningProgram(Targets.Build("locked.c"));
        long before = LockedKiB(program.Pid);
        Assert.SkipUnless(before > 0, "locking memory is not allowed here");
        for (int i = 0; i < 3; i++)
        {
            using AttachedRecorder attached = program.Attach(_directory[$"r{i}.allocrec"]);
            long with = LockedKiB(program.Pid);
            attached.Detach();
            output.WriteLine($"{before} KiB locked before, {with} while attached, {LockedKiB(program.Pid)} after");
            Assert.InRange(Math.Max(with, LockedKiB(program.Pid)), before, before + (32 << 10));
        }
        Assert.Equal(0, program.Finish());
    }

    [Fact]
    public void A_program_with_two_C_libraries_is_refused()
    {
        Need();
        using var program = new RunningProgram(Targets.Build("two_libraries.c"));
        Refused(program, "it has 2 C libraries");
        Assert.Equal(0, program.Finish());
    }

    /// <summary>It is told which wait it is, as a wait that ends would do.</summary>
    [Fact]
    public void A_wait_that_the_kernel_has_begun_again_after_a_stop_is_told()
    {
        Need();
        using var program = new RunningProgram("/bin/sh", "-c", "echo runs; exec sleep 100");
        Assert.True(SpinWait.SpinUntil(() => IsIn(program.Pid, "230 ", "35 "), TimeSpan.FromMinutes(1)));
        Signals.Send(program.Pid, 19);
        Assert.True(SpinWait.SpinUntil(() => RunningThreads.IsStopped(program.Pid), TimeSpan.FromMinutes(1)));
        Signals.Send(program.Pid, 18);
        Assert.True(SpinWait.SpinUntil(() => IsIn(program.Pid, "219 "), TimeSpan.FromMinutes(1)));
        Refused(program, "has begun again after a stop");
        Assert.False(program.HasExited);
    }

    /// <summary>Anybody may lock a directory of /proc, and somebody who waits for that must be able to go.</summary>
    [Fact]
    public void A_search_and_a_wait_for_another_attach_can_be_interrupted()
    {
        Need();
        Programs.Need("flock");
        using var program = new RunningProgram(Targets.Build("stack_left.c"), "30");
        Interrupted(program, (_, recording) => Directory.Exists(recording)); // it looks for a thread then
        using Process locks = Process.Start(new ProcessStartInfo("flock", [$"/proc/{program.Pid}", "sh", "-c", "echo locked; exec sleep 100"])
        {
            RedirectStandardOutput = true,
        })!;
        Assert.Equal("locked", locks.StandardOutput.ReadLine());
        Interrupted(program, (attach, _) =>
            Directory.GetFileSystemEntries($"/proc/{attach}/fd").Any(d => new FileInfo(d).LinkTarget == $"/proc/{program.Pid}"));
        Refused(program, "another attach or detach of it is under way");
        locks.Kill(entireProcessTree: true);
        locks.WaitForExit();
        Assert.Equal(0, program.Finish());
    }

    private void Interrupted(RunningProgram program, Func<int, string, bool> isAt)
    {
        string recording = _directory["interrupted.allocrec"];
        using Process attach = Process.Start(new ProcessStartInfo(Programs.AllocReplayCommand, ["attach", $"{program.Pid}", "-o", recording])
        {
            RedirectStandardError = true,
        })!;
        Assert.True(SpinWait.SpinUntil(() => isAt(attach.Id, recording), TimeSpan.FromMinutes(1)));
        long began = Stopwatch.GetTimestamp();
        Signals.Send(attach.Id, Signals.Interrupt);
        string said = attach.StandardError.ReadToEnd();
        attach.WaitForExit();
        Assert.Equal(130, attach.ExitCode);
        Assert.Contains("interrupted", said, StringComparison.Ordinal);
        Assert.False(Directory.Exists(recording));
        Assert.InRange(Stopwatch.GetElapsedTime(began).TotalSeconds, 0, 8); // it would have gone on for 10
    }

    private void Refused(RunningProgram program, string why)
    {
        string recording = _directory["refused.allocrec"];
        ProgramResult attach = Programs.AllocReplay("attach", $"{program.Pid}", "-o", recording);
        Assert.Contains(why, attach.Error, StringComparison.Ordinal);
        Assert.Equal(4, attach.ExitCode);
        Assert.False(Directory.Exists(recording));
    }

    private static bool IsIn(int pid, params string[] calls)
    {
        string now = File.ReadAllText($"/proc/{pid}/syscall");
        return calls.Any(c => now.StartsWith(c, StringComparison.Ordinal));
    }

    private static long LockedKiB(int pid)
    {
        string line = File.ReadLines($"/proc/{pid}/status").First(l => l.StartsWith("VmLck:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }

    private static void Need() =>
        Assert.SkipUnless(RuntimeInformation.ProcessArchitecture == Architecture.X64, "attaching is built for x86-64");
}
