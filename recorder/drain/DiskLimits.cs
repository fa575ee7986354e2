namespace AllocReplay.Drain;

/// <summary>How much of the disk a recording may take.</summary>
/// <param name="session">The session's directory.</param>
/// <param name="maxBytes">Of events, of one image; 0: any.</param>
/// <param name="leaveFree">Bytes that stay free for others; 0: none.</param>
internal sealed class DiskLimits(string session, long maxBytes, long leaveFree)
{
    /// <summary>Bytes of events of one image; 0: any.</summary>
    public long MaxBytes => maxBytes;

    /// <summary>Bytes that stay free for others.</summary>
    public long LeaveFree => leaveFree;

    /// <summary>Whether the disk has no more than what is to stay free. Of a disk that does not tell, it has.</summary>
    public bool IsReached()
    {
        if (leaveFree == 0)
            return false;
        try
        {
            return new DriveInfo(session).AvailableFreeSpace < leaveFree;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
