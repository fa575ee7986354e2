using System.Diagnostics;
using System.Text;

namespace AllocReplay.Tests.Support;

/// <summary>A shell command on a terminal of its own, by script(1): what is awaited is looked for in what was printed since the last that was.</summary>
internal sealed class TerminalProcess : IDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _printed = new();
    private int _seen;

    /// <param name="command">For sh. Ctrl-C does not end the shell.</param>
    /// <param name="log">A file for script to write.</param>
    /// <param name="columns">Of the terminal; it has 24 rows.</param>
    /// <param name="environment">Variables beside TERM, which is xterm unless it is among them.</param>
    public TerminalProcess(string command, string log, int columns = 80, params (string Name, string Value)[] environment)
    {
        Programs.Need("script", "stty");
        var start = new ProcessStartInfo("script", ["-qefc", $"trap : INT; stty cols {columns} rows 24; {command}", log])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["TERM"] = "xterm" },
        };
        foreach ((string name, string value) in environment)
            start.Environment[name] = value;
        _process = Process.Start(start)!;
    }

    /// <summary>All that was printed until now.</summary>
    public string Printed => _printed.ToString();

    public void Press(string keys)
    {
        _process.StandardInput.Write(keys);
        _process.StandardInput.Flush();
    }

    /// <summary>Reads until a text is printed, after what was awaited before.</summary>
    /// <returns>What was printed up to it.</returns>
    public string Await(string text)
    {
        var buffer = new char[4096];
        int at;
        while ((at = Printed.IndexOf(text, _seen, StringComparison.Ordinal)) < 0)
        {
            int read = _process.StandardOutput.Read(buffer);
            Assert.True(read > 0, $"it ended before '{text}': {Printed}");
            _printed.Append(buffer, 0, read);
        }
        int from = _seen;
        _seen = at + text.Length;
        return Printed[from.._seen];
    }

    /// <summary>Waits for its end.</summary>
    /// <returns>The exit code.</returns>
    public int Finish()
    {
        _printed.Append(_process.StandardOutput.ReadToEnd());
        _process.WaitForExit();
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }
}
