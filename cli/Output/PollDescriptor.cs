namespace AllocReplay.Cli.Output;

/// <summary>struct pollfd of poll(2).</summary>
internal struct PollDescriptor
{
    public int Descriptor;
    public short Events;
    public short Returned;
}
