namespace AllocReplay.Cli.Prompt;

/// <summary>A terminal as those see it who read lines from it.</summary>
internal interface ILineTerminal
{
    /// <summary>Columns, 1 or more.</summary>
    int Width { get; }

    /// <summary>Rows, 1 or more.</summary>
    int Height { get; }

    /// <summary>Whether keys are waiting: what is painted before they are seen to is painted for nobody.</summary>
    bool HasKey { get; }

    /// <summary>Keys come as they are struck and are not echoed, Ctrl-C among them, until <see cref="End"/>.</summary>
    void Begin();

    /// <summary>Ctrl-C interrupts again.</summary>
    void End();

    /// <summary>Waits for a key.</summary>
    /// <exception cref="OperationCanceledException">The command is to end.</exception>
    Key ReadKey();

    /// <summary>Writes text, and what moves the cursor, at once.</summary>
    void Write(string text);

    /// <summary>Has the process stopped as Ctrl-Z does, with the terminal as it was given. <see cref="KeyKind.Resumed"/> comes when it goes on.</summary>
    void Suspend();
}
