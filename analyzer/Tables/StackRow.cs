namespace AllocReplay.Analyzer.Tables;

/// <summary>A call stack: a row of the table <c>stacks</c>.</summary>
internal readonly record struct StackRow
{
    [Column("stack", "id", "Its number in the process image, from 2: `allocations.alloc_stack` and `free_stack` are such. In another run it is another.")]
    public required int Stack { get; init; }

    [Column("depth", "frames", "Its frames, those of inlined functions not counted.")]
    public required int Depth { get; init; }

    [Column("is_whole", "yes or no", "Whether its last frame is the thread's first; else there were more, which could not be, or were not to be, walked.")]
    public required bool IsWhole { get; init; }

    [Column("site", "id", "`sites.site`: the hash of its functions' names as a signed number. Many stacks may have one.", Repeats = true)]
    public required long Site { get; init; }

    [Column("function", "text", "As `sites.function`: the lowest that has a frame and is not of the C library or a language's own.")]
    public required string Function { get; init; }

    [Column("file", "path", "The source file of the call there; empty where it is not known.")]
    public required string File { get; init; }

    [Column("line", "line", "Its line; 0 where it is not known.")]
    public required int Line { get; init; }

    [Column("text", "text", "Its functions, inlined ones too, on one line for people to read, the lowest first: `f < g < main`. Control characters read "
        + "U+FFFD, a name beyond 200 characters ends in `…`, and so does the text where there are more frames. What is cut is whole in `frames`.")]
    public required string Text { get; init; }
}
