using System.Diagnostics;
using System.Globalization;

namespace AllocReplay.Tests.Support;

/// <summary>
/// The target steps.c under <c>record</c>: it does one thing after the other, as the test says, and has done it when <see cref="Do"/> returns.
/// </summary>
internal sealed class SteppedProgram : IDisposable
{
    private readonly Process _recorder;

    public SteppedProgram(string recording, params string[] options)
    {
        Recording = recording;
        string[] arguments = ["record", "-q", .. options, "-o", recording, "--", Targets.Build("steps.c", "-g")];
        _recorder = Process.Start(new ProcessStartInfo(Programs.AllocReplayCommand, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        Pid = int.Parse(_recorder.StandardOutput.ReadLine() ?? "0", CultureInfo.InvariantCulture);
        Assert.NotEqual(0, Pid);
        Assert.True(SpinWait.SpinUntil(() => File.Exists(Path.Combine(Image, "process")), TimeSpan.FromMinutes(1)), "its recording does not begin");
    }

    public string Recording { get; }

    public int Pid { get; }

    /// <summary>Process id of the recorder.</summary>
    public int RecorderPid => _recorder.Id;

    public string Image => Path.Combine(Recording, $"p{Pid}.0");

    public void Do(string what)
    {
        _recorder.StandardInput.Write(what + "\n");
        _recorder.StandardInput.Flush();
        Assert.NotNull(_recorder.StandardOutput.ReadLine());
    }

    /// <summary>Kills the program, and waits for its recorder.</summary>
    public void Kill()
    {
        using (Process program = Process.GetProcessById(Pid))
            program.Kill();
        _recorder.WaitForExit();
    }

    /// <summary>Lets it end, and waits for its recorder.</summary>
    public int Finish()
    {
        _recorder.StandardInput.Close();
        _recorder.WaitForExit();
        return _recorder.ExitCode;
    }

    public void Dispose()
    {
        if (!_recorder.HasExited)
        {
            _recorder.StandardInput.Close();
            _recorder.WaitForExit();
        }
        _recorder.Dispose();
    }
}
