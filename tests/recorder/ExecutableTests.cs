using System.Diagnostics;
using AllocReplay.Recorder;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>Programs that the hook cannot see into are told from those that it can, before they run.</summary>
[StartsProcesses]
public sealed class ExecutableTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void An_exported_malloc_is_the_program_s_own() => AssertRefused(Unrecordable.OwnAllocator);

    [Fact]
    public void A_hidden_malloc_is_the_program_s_own() => AssertRefused(Unrecordable.OwnAllocator, "-DHIDDEN");

    [Fact]
    public void A_malloc_with_hooks_is_told_of_by_MallocHook()
    {
        string program = AssertRefused(Unrecordable.OwnTcmalloc, "-DWITH_HOOKS", "-rdynamic");
        Assert.Null(Executable.WhyNotRecordable(program, RecordVia.MallocHook));
    }

    [Fact] // the control
    public void A_malloc_of_one_source_file_is_no_allocator() =>
        Assert.Null(Executable.WhyNotRecordable(Targets.Build("own_malloc.c", "-DFILE_LOCAL"), detours: false));

    [Fact]
    public void What_allocator_a_program_has_is_told_apart_from_whether_it_can_be_recorded()
    {
        Assert.True(Executable.HasOwnAllocator(Targets.Build("own_malloc.c")));
        Assert.False(Executable.HasOwnAllocator(Targets.Build("own_malloc.c", "-DFILE_LOCAL")));
        Assert.False(Executable.HasOwnAllocator(_directory["none"]));
    }

    /// <summary>Its operators call malloc, which is recorded.</summary>
    [Fact]
    public void A_runtime_of_C_plus_plus_that_is_linked_in_is_no_allocator() =>
        Assert.Null(Executable.WhyNotRecordable(Targets.Build("operators.cpp", "-static-libstdc++", "-static-libgcc"), detours: false));

    [Fact]
    public void A_script_is_judged_by_its_interpreter()
    {
        File.WriteAllText(_directory["script"], $"#!{Targets.Build("own_malloc.c")} -x\n");
        Assert.Equal(Unrecordable.OwnAllocator, Executable.WhyNotRecordable(_directory["script"], detours: false));
        File.WriteAllText(_directory["shell"], "#!/bin/sh\n");
        Assert.Null(Executable.WhyNotRecordable(_directory["shell"]));
    }

    [Fact]
    public void A_file_that_is_cut_anywhere_is_judged_without_a_failure()
    {
        byte[] whole = File.ReadAllBytes(Targets.Build("own_malloc.c"));
        for (int length = 0; length < whole.Length; length += 97)
        {
            File.WriteAllBytes(_directory["cut"], whole[..length]);
            Executable.WhyNotRecordable(_directory["cut"]);
        }
    }

    [Theory]
    [InlineData("exec '{0}' wait")]
    [InlineData("'{0}' wait; exit $?")]
    public void What_a_recorded_command_becomes_or_starts_and_is_not_recorded_is_named(string script)
    {
        string program = Targets.Build("own_malloc.c");
        using Process shell = Process.Start(new ProcessStartInfo("sh", ["-c", string.Format(null, script, program)]) { RedirectStandardInput = true })!;
        using var unrecorded = new UnrecordedPrograms(shell.Id, RecordVia.Preload, detours: false);
        bool isNamed = SpinWait.SpinUntil(() => unrecorded.Found.Count > 0 || shell.HasExited, TimeSpan.FromSeconds(20));
        shell.StandardInput.Close();
        shell.WaitForExit();

        Assert.Equal((true, 3), (isNamed, shell.ExitCode));
        Assert.Equal([$"{program} ran and is not recorded: {Executable.Describe(Unrecordable.OwnAllocator)}"], unrecorded.Found);
    }

    [Fact]
    public void Memory_that_did_not_come_from_malloc_is_told_with_figures()
    {
        Programs.Need("python3");
        string[] command = ["python3", "-c", "a = [str(i) for i in range(2000000)]"];
        ProgramResult own = Programs.AllocReplay(["record", "-o", _directory["own"], "--", .. command]);
        Assert.Matches(@"allocreplay: [0-9.]+ MiB were resident at the peak and [0-9.]+ MiB recorded as live: .*PYTHONMALLOC=malloc", own.Error);
        ProgramResult malloc = Programs.AllocReplay(["record", "-o", _directory["malloc"], "--", "env", "PYTHONMALLOC=malloc", .. command]);
        Assert.DoesNotContain("were resident", malloc.Error, StringComparison.Ordinal); // the control
    }

    private string AssertRefused(Unrecordable why, params string[] flags)
    {
        string program = Targets.Build("own_malloc.c", flags);
        Assert.Equal(why, Executable.WhyNotRecordable(program, detours: false));
        ProgramResult result = Programs.AllocReplay("record", "--no-detours", "-o", _directory["r"], "--", program);
        Assert.Equal(125, result.ExitCode);
        Assert.Contains(Executable.Describe(why), result.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_directory["r"]));
        return program;
    }
}
