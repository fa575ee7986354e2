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
        // On a thread of its own: signals are only handled once the action has returned its task.
        command.SetAction((parse, token) => Task.Run(
            () =>
            {
                using var interruption = new Interruption(token);
                try
                {
                    return work(parse, interruption.Token);
                }
                catch (OperationCanceledException e)
                {
                    terminal.Note($"allocreplay: interrupted; {(e as InterruptedException)?.Left ?? "nothing unfinished is left"}");
                    return interruption.ExitCode;
                }
            },
            CancellationToken.None));
}
