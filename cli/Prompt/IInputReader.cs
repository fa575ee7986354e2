namespace AllocReplay.Cli.Prompt;

/// <summary>Where a prompt has its input from.</summary>
internal interface IInputReader
{
    /// <summary>Waits for statements that are complete, or a command of the prompt's; empty where the line was dropped.</summary>
    /// <returns>Null when there is no more.</returns>
    /// <exception cref="OperationCanceledException">The command is to end.</exception>
    string? Read();
}
