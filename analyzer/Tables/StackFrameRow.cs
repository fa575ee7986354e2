namespace AllocReplay.Analyzer.Tables;

/// <summary>A function on a stack: a row of the table <c>stack_frames</c>.</summary>
internal readonly record struct StackFrameRow
{
    [Column("stack", "id", "The stack: `stacks.stack`.")]
    public required int Stack { get; init; }

    [Column("position", "position", "From 0, the function that called the allocator: the next was its caller.")]
    public required int Position { get; init; }

    [Column("frame", "id", "What is known of it: `frames.frame`.")]
    public required int Frame { get; init; }

    [Column("is_inlined", "yes or no", "Whether it has no frame of its own: the compiler put it into the function at the next position.")]
    public required bool IsInlined { get; init; }
}
