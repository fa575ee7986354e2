namespace AllocReplay.Formats;

/// <summary>A trace is damaged at one place, what lies before it can be read, and the whole was asked for.</summary>
public sealed class TraceDamagedException : TraceFormatException
{
    /// <summary>Creates an exception of damage that a reader met, as <see cref="TraceReader.Damage"/> has it.</summary>
    /// <param name="damage">The damage.</param>
    public TraceDamagedException(TraceFormatException damage)
        : base(damage)
    {
    }
}
