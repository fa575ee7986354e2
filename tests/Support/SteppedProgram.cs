using System.Diagnostics;
using System.Globalization;
using AllocReplay.Recorder;

namespace AllocReplay.Tests.Support;

/// <summary>
/// The target steps.c under <c>record</c>, or another that is told alike: it does one thing after the other, as the test says,
/// and has done it when <see cref="Do"/> returns.
/// </summary>
internal sealed class SteppedProgram : IDisposable
{
    private const int Continue = 18; // SIGCONT

    private readonly Process _recorder;

    public SteppedProgram(string recording, params string[] options)
        : this("steps.c", recording, options)
    {
    }

    private SteppedProgram(string source, string recording, string[] options)
    {
        Recording = Path.ChangeExtension(recording, ".allocrec");
        string[] arguments = ["record", "-q", .. options, "-o", recording, "--", Targets.Build(source, "-g")];
        _recorder = Process.Start(new ProcessStartInfo(Programs.AllocReplayCommand, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        Pid = int.Parse(_recorder.StandardOutput.ReadLine() ?? "0", CultureInfo.InvariantCulture);
        Assert.NotEqual(0, Pid);
        Assert.True(SpinWait.SpinUntil(() => File.Exists(Path.Combine(Image, "process")), TimeSpan.FromMinutes(1)), "its recording does not begin");
    }

    /// <summary>The target counted.c instead: of it <see cref="Do"/> says how many blocks its threads acquire, and how many calls they have made.</summary>
    public static SteppedProgram Counted(string recording, params string[] options) => new("counted.c", recording, options);

    /// <summary>The target resident.c instead: of it <see cref="Do"/> says what to map, and how many KiB it has resident and anonymous then.</summary>
    public static SteppedProgram Resident(string recording, params string[] options) => new("resident.c", recording, options);

    public string Recording { get; }

    public int Pid { get; }

    /// <summary>Process id of the recorder.</summary>
    public int RecorderPid => _recorder.Id;

    public string Image => Path.Combine(Recording, $"p{Pid}.0");

    /// <returns>What it answers.</returns>
    public string Do(string what)
    {
        _recorder.StandardInput.Write(what + "\n");
        _recorder.StandardInput.Flush();
        string? answer = _recorder.StandardOutput.ReadLine();
        Assert.NotNull(answer);
        return answer;
    }

    /// <summary>Kills the recorder: the program goes on.</summary>
    public void KillRecorder()
    {
        _recorder.Kill();
        _recorder.WaitForExit();
    }

    /// <summary>Has the program end where the recorder was killed.</summary>
    public void End()
    {
        _recorder.StandardInput.Close();
        Assert.True(SpinWait.SpinUntil(() => !Directory.Exists($"/proc/{Pid}"), TimeSpan.FromMinutes(1)), "the program does not end");
    }

    /// <summary>Kills the program, and waits for its recorder.</summary>
    public void Kill()
    {
        using (Process program = Process.GetProcessById(Pid))
            program.Kill();
        _recorder.WaitForExit();
    }

    /// <summary>Lets it end, and waits for its recorder.</summary>
    /// <param name="meanwhile">Called again and again, at first when the program has ended.</param>
    public int Finish(Action? meanwhile = null)
    {
        _recorder.StandardInput.Close();
        Assert.True(SpinWait.SpinUntil(() => RunningThreads.HasEnded(Pid), TimeSpan.FromMinutes(1)));
        while (!_recorder.WaitForExit(1))
            meanwhile?.Invoke();
        _recorder.WaitForExit();
        return _recorder.ExitCode;
    }

    public void Dispose()
    {
        if (!_recorder.HasExited)
        {
            _recorder.StandardInput.Close();
            Signals.Send(_recorder.Id, Continue); // a test that failed may have stopped it
            _recorder.WaitForExit();
        }
        _recorder.Dispose();
    }
}
