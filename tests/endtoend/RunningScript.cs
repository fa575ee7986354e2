using System.Diagnostics;
using System.Globalization;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Endtoend;

/// <summary>A script of tests/running: a program that runs, and does the same job as often as it is asked.</summary>
internal sealed class RunningScript : IDisposable
{
    /// <summary>Once this is over the program hangs; other work may be going on.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(2);

    private readonly Process _script;
    private readonly string _work;
    private readonly Task<string> _noise;

    /// <summary>Starts it in an empty directory.</summary>
    public RunningScript(ProgramScript script, TemporaryDirectory directory)
    {
        _work = ProgramRun.WorkDirectory(directory);
        _script = Process.Start(new ProcessStartInfo("bash", [script.Path])
        {
            WorkingDirectory = _work,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        _noise = _script.StandardError.ReadToEndAsync();
        string first = Line() ?? throw new InvalidOperationException($"{script.Name} did not start: {_noise.Result}");
        Pid = int.Parse(first.AsSpan("pid ".Length), CultureInfo.InvariantCulture);
    }

    /// <summary>The process to attach to.</summary>
    public int Pid { get; }

    /// <summary>What it printed for a job, and whether it hung or ended instead.</summary>
    public string Job()
    {
        var printed = new List<string>();
        try
        {
            _script.StandardInput.Write("go\n");
            _script.StandardInput.Flush();
            for (string? line = Line(); line != "done"; line = Line())
            {
                if (line is null)
                    return string.Join('\n', [.. printed, "the script ended"]);
                printed.Add(line);
            }
        }
        catch (TimeoutException)
        {
            printed.Add("the program hangs");
        }
        catch (IOException)
        {
            printed.Add("the script ended");
        }
        return string.Join('\n', printed);
    }

    /// <summary>Lets the program end.</summary>
    /// <returns>What the script says of its end.</returns>
    public string End()
    {
        _script.StandardInput.Close();
        string said = _script.StandardOutput.ReadToEndAsync().WaitAsync(_patience).GetAwaiter().GetResult();
        Assert.True(_script.WaitForExit(_patience), "the script does not end");
        return $"{said}{_script.ExitCode}";
    }

    public void Dispose()
    {
        if (!_script.HasExited)
            _script.Kill(entireProcessTree: true);
        _script.WaitForExit();
        _script.Dispose();
        Directory.Delete(_work, recursive: true);
    }

    private string? Line() => _script.StandardOutput.ReadLineAsync().WaitAsync(_patience).GetAwaiter().GetResult();
}
