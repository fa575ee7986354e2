using System.CommandLine;
using AllocReplay.Cli.Output;

namespace AllocReplay.Cli.Options;

/// <summary>Commands that an interruption ends in order: their work clears up what it had begun.</summary>
internal static class Interruptible
{
    /// <summary>Sets the action of a command that may be interrupted.</summary>
    /// <param name="command">The command.</param>
    /// <param name="terminal">Told that it was.</param>
    /// <param name="work">Throws <see cref="OperationCanceledException"/> when the token says so.</param>
    public static void SetAction(Command command, Terminal terminal, Func<ParseResult, CancellationToken, int> work) =>
        SetAction(command, terminal, (ParseResult parse, Interruption interruption) => work(parse, interruption.Token));

    /// <summary>As the other, for work in which Ctrl-C may mean something else: <see cref="Interruption.Interrupting"/>.</summary>
    public static void SetAction(Command command, Terminal terminal, Func<ParseResult, Interruption, int> work) =>
        // No action with a token of the parser's: it would leave a command behind that has not cleared up within two seconds.
        command.SetAction(parse => Run(terminal, interruption => work(parse, interruption)));

    /// <summary>Does work that may be interrupted, of a command of which other work may not.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(Terminal terminal, Func<Interruption, int> work)
    {
        using var interruption = new Interruption();
        try
        {
            int code = work(interruption);
            // It told what was finished; which signal ended it is known here.
            return code == ExitCode.Interrupted ? interruption.ExitCode : code;
        }
        catch (OperationCanceledException e)
        {
            terminal.Note($"allocreplay: interrupted; {(e as InterruptedException)?.Left ?? "nothing unfinished is left"}");
            return interruption.ExitCode;
        }
    }
}
