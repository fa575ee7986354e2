using System.Diagnostics;
using System.Globalization;
using AllocReplay.Recorder;

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
    /// <param name="threads">How many.</param>
    /// <param name="flags">More arguments for the compiler.</param>
    public static RunningProgram Attached(int threads, params string[] flags) => new(Targets.Build("attached.c", flags), $"{threads}",
        Targets.Build("attached_library.c", "-shared", "-fPIC"));

    public int Pid => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <returns>What it answers.</returns>
    public long Do(string what)
    {
        _process.StandardInput.Write(what + "\n");
        _process.StandardInput.Flush();
        string? answer = _process.StandardOutput.ReadLine();
        if (answer is null)
            Assert.Fail($"the program has ended, with {(_process.WaitForExit(1000) ? _process.ExitCode : 0)}");
        return long.Parse(answer, CultureInfo.InvariantCulture);
    }

    /// <summary>Has all threads of attached.c work for a while, and then wait.</summary>
    public void Work(TimeSpan time)
    {
        long calls = Do("hold");
        Do("go");
        long began = Stopwatch.GetTimestamp();
        SpinWait.SpinUntil(() => Stopwatch.GetElapsedTime(began) > time);
        Assert.True(Do("hold") >= calls);
    }

    /// <summary>Has all threads of attached.c work until they have made some calls more, and then wait.</summary>
    /// <returns>How many they have made in all.</returns>
    public long WorkSome()
    {
        const int least = 10_000;
        long before = Do("hold"), now = before, began = Stopwatch.GetTimestamp();
        while (now - before < least)
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromMinutes(1), "the program does not go on");
            Do("go");
            now = Do("hold");
        }
        return now;
    }

    public AttachedRecorder Attach(string recording, params string[] options) => new(Pid, recording, options);

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

/// <summary>The command <c>attach</c>, when it has: in a process of its own, as a tracer and the runtime would take each other's news of a child.</summary>
internal sealed class AttachedRecorder : IDisposable
{
    private readonly Process _process;
    private readonly Task<string> _rest;

    public AttachedRecorder(int pid, string recording, params string[] options)
    {
        _process = Process.Start(new ProcessStartInfo(Programs.AllocReplayCommand, ["attach", $"{pid}", "-o", recording, .. options])
        {
            RedirectStandardError = true,
        })!;
        Said = _process.StandardError.ReadLine() ?? "";
        _rest = _process.StandardError.ReadToEndAsync();
        Assert.StartsWith("allocreplay: attached", Said, StringComparison.Ordinal);
    }

    /// <summary>In how long, and how long the program was held.</summary>
    public string Said { get; }

    /// <summary>All that it said later; there when it has ended.</summary>
    public string SaidAtEnd => _rest.Result;

    /// <summary>Interrupts it: it detaches.</summary>
    public void Detach()
    {
        Signal(Signals.Interrupt);
        Assert.Equal(0, Wait());
    }

    /// <summary>Its child processes: what writes the recording.</summary>
    public int[] Children() =>
        [.. from thread in Directory.GetDirectories($"/proc/{_process.Id}/task")
            from child in File.ReadAllText($"{thread}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries)
            select int.Parse(child, CultureInfo.InvariantCulture)];

    /// <param name="signal">Sent to the command.</param>
    public void Signal(int signal) => Signals.Send(_process.Id, signal);

    /// <summary>Waits until it has ended.</summary>
    /// <returns>Its exit code.</returns>
    public int Wait()
    {
        Assert.True(_process.WaitForExit(TimeSpan.FromMinutes(1)), "attach does not end");
        Assert.DoesNotContain("was not", _rest.Result, StringComparison.Ordinal);
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
