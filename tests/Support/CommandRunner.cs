using System.CommandLine;
using AllocReplay.Cli.Output;

namespace AllocReplay.Tests.Support;

/// <summary>Runs a command in this process and keeps what it wrote.</summary>
internal sealed class CommandRunner : IDisposable
{
    private readonly StringWriter _out = new(), _error = new();

    public CommandRunner() => Terminal = new Terminal(_out, _error);

    public Terminal Terminal { get; }
    /// <summary>What the last command wrote to stdout.</summary>
    public string Output => _out.ToString();
    /// <summary>What the last command wrote to stderr.</summary>
    public string Error => _error.ToString();

    public void Dispose()
    {
        _out.Dispose();
        _error.Dispose();
    }

    /// <summary>One command alone. Exceptions come through: <c>Failures</c> is not asked.</summary>
    /// <returns>The exit code.</returns>
    public int Run(Func<Terminal, Command> create, params string[] arguments)
    {
        Clear();
        return create(Terminal).Parse(arguments).Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
    }

    /// <summary>A whole command line, as <c>Program</c> runs it: usage errors and failures are told and become exit codes.</summary>
    /// <returns>The exit code.</returns>
    public int Run(params string[] arguments)
    {
        Clear();
        return AllocReplay.Cli.CommandLine.Run(arguments, Terminal);
    }

    private void Clear()
    {
        _out.GetStringBuilder().Clear();
        _error.GetStringBuilder().Clear();
    }
}
