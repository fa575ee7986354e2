using System.Diagnostics;
using System.Globalization;
using AllocReplay.Recorder;
using AllocReplay.Recorder.Attach;

namespace AllocReplay.Tests.Support;

/// <summary>The target attached.c, or another that answers to lines, started without the recorder.</summary>
internal sealed class RunningProgram : IDisposable
{
    private readonly Process _process;

    public RunningProgram(string program, params string[] arguments)
    {
        _process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        Assert.NotNull(_process.StandardOutput.ReadLine()); // it runs
    }

    /// <summary>attached.c with so many threads, all of which wait.</summary>
    public static RunningProgram Attached(int threads) => new(Targets.Build("attached.c"), $"{threads}",
        Targets.Build("attached_library.c", "-shared", "-fPIC"));

    public int Pid => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <returns>What it answers.</returns>
    public long Do(string what)
    {
        _process.StandardInput.Write(what + "\n");
        _process.StandardInput.Flush();
        string? answer = _process.StandardOutput.ReadLine();
        Assert.True(answer is not null, $"the program has ended, with {(_process.WaitForExit(1000) ? _process.ExitCode : 0)}");
        return long.Parse(answer, CultureInfo.InvariantCulture);
    }

    public Attachment Attach(string recording, Func<RecordOptions, RecordOptions>? with = null)
    {
        var options = new RecordOptions { Command = Attachment.CommandOf(Pid), Output = recording, Via = RecordVia.Attach };
        return Attachment.Begin(Pid, with is null ? options : with(options));
    }

    /// <summary>Lets it end.</summary>
    /// <returns>Its exit code.</returns>
    public int Finish()
    {
        _process.StandardInput.Close();
        Assert.True(_process.WaitForExit(TimeSpan.FromMinutes(1)), "the program does not end");
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
