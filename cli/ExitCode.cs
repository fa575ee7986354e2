namespace AllocReplay.Cli;

/// <summary>Exit codes of every command. <c>record</c> passes the child's code through; its own failures are 125 to 127.</summary>
internal static class ExitCode
{
    public const int Ok = 0;
    /// <summary>The check or gate failed.</summary>
    public const int Failed = 1;
    public const int Usage = 2;
    /// <summary>Bad, missing or truncated input.</summary>
    public const int BadInput = 3;
    /// <summary>Not possible on this machine.</summary>
    public const int NotPossible = 4;
    /// <summary>As env(1): the recorder itself failed, the command could not be run, the command was not found.</summary>
    public const int RecordFailed = 125;
    public const int CannotRun = 126;
    public const int NotFound = 127;
    /// <summary>As a shell reports a command whose terminal has gone.</summary>
    public const int HungUp = 129;
    /// <summary>As a shell reports a command that was interrupted.</summary>
    public const int Interrupted = 130;
    /// <summary>As a shell reports a command that Ctrl-\ ended.</summary>
    public const int Quit = 131;
    /// <summary>As a shell reports a command that SIGPIPE ended: whoever read its output has closed it.</summary>
    public const int OutputClosed = 141;
}
