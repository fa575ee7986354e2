namespace AllocReplay.Cli.Prompt;

/// <summary>What somebody who edits a line wants done.</summary>
internal enum KeyKind
{
    /// <summary>Characters that were struck.</summary>
    Text,
    /// <summary>Text that was pasted, whole; it may have line breaks, which are not struck.</summary>
    Paste,
    Enter, Tab, Backspace, Delete, Left, Right, WordLeft, WordRight, Home, End, Up, Down, Older, Newer,
    DeleteToStart, DeleteToEnd, DeleteWordLeft, DeleteWordRight, PutBack,
    /// <summary>Clears the screen, but for the line.</summary>
    Clear,
    /// <summary>Drops the line.</summary>
    Cancel,
    /// <summary>No more input, or the character under the cursor deleted where there is one.</summary>
    EndOrDelete,
    /// <summary>Stops the process, until the shell has it go on.</summary>
    Suspend,
    /// <summary>The process goes on, or the terminal has another size: what is on it may be anything.</summary>
    Resumed, Resized,
    /// <summary>The terminal has gone, or gives no more.</summary>
    Closed,
}

/// <summary>A key, as far as an editor of lines has a use for it.</summary>
/// <param name="Kind">What it is for.</param>
/// <param name="Text">Of <see cref="KeyKind.Text"/> and <see cref="KeyKind.Paste"/>: what is to be there; its only controls are line feeds and tabs.</param>
internal readonly record struct Key(KeyKind Kind, string Text = "");
