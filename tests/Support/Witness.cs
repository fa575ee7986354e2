using System.Diagnostics;
using AllocReplay.Recorder;

namespace AllocReplay.Tests.Support;

/// <summary>Builds of the hook.</summary>
internal static class HookBuild
{
    public static string Default { get; } = Path.Combine(AppContext.BaseDirectory, "liballocreplay.so");

    /// <summary>Builds the hook with more flags, as the product does otherwise.</summary>
    public static string With(string output, params string[] flags)
    {
        string hook = Path.Combine(Repository.Root, "recorder", "hook");
        string[] fixedFlags = ["-std=c11", "-D_GNU_SOURCE", "-O2", "-g", "-fPIC", "-shared", "-fvisibility=hidden", "-ftls-model=initial-exec", "-fno-builtin"];
        ProgramResult result = Programs.Run("cc",
            [.. fixedFlags, "-include", Path.Combine(hook, "glibc_floor.h"), .. flags, "-I", Path.Combine(Repository.Root, "formats", "native"), "-o", output, .. Directory.GetFiles(hook, "*.c"), "-ldl", "-lpthread"]);
        Assert.True(result.ExitCode == 0, result.Error);
        return output;
    }
}

/// <summary>The target witness.c, running under a hook, its recording stopped and started by the test.</summary>
internal sealed class Witness : IDisposable
{
    private readonly Process _process;

    public Witness(string session, string hook, int threads = 4)
    {
        Directory.CreateDirectory(session);
        var start = new ProcessStartInfo(Targets.Build("witness.c"), [$"{threads}"]) { RedirectStandardInput = true };
        start.Environment["LD_PRELOAD"] = hook;
        start.Environment["ALLOCREPLAY_DIR"] = session;
        start.Environment["ALLOCREPLAY_PAUSED"] = "1";
        _process = Process.Start(start)!;
        Image = Path.Combine(session, $"p{_process.Id}.0");
        // The hook creates the page last but one; its magic is stored when all of it is there.
        SpinWait.SpinUntil(() => _process.HasExited || IsReady(), TimeSpan.FromSeconds(20));
        Assert.True(IsReady(), "the witness does not start");
    }

    public string Image { get; }

    public int Pid => _process.Id;

    public ControlledProcess Open(ControlledProcess.Omission omit = ControlledProcess.Omission.Nothing) => ControlledProcess.Open(Image, omit);

    /// <summary>Lets the program end and waits for it.</summary>
    public int Finish()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    private bool IsReady()
    {
        try
        {
            using ControlledProcess _ = ControlledProcess.Open(Image);
            return true;
        }
        catch (ControlException)
        {
            return false;
        }
    }
}
