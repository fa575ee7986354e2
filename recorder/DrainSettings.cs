using System.Globalization;
using AllocReplay.Formats;

namespace AllocReplay.Recorder;

/// <summary>What the process that writes a recording is told of its bounds.</summary>
/// <param name="MaxBytes">Of events, of a process image; 0: any.</param>
/// <param name="LeaveFree">Bytes of the disk that stay free.</param>
/// <param name="KeepBytes">Of the recording, that are kept whole; 0: any.</param>
/// <param name="KeepNs">Time that is kept whole; 0: any.</param>
/// <param name="IsPacked">Whether it is packed while it is written.</param>
internal sealed record DrainSettings(long MaxBytes, long LeaveFree, long KeepBytes, long KeepNs, bool IsPacked)
{
    /// <summary>Those that a recording began with; of one that does not tell, none but the disk's.</summary>
    public static DrainSettings Of(string session)
    {
        SessionInfo? info = SessionInfo.Load(session);
        return new DrainSettings(info?.MaxSize ?? 0, LeaveFreeOf(session), info?.KeepBytes ?? 0, info?.KeepNs ?? 0,
            info?.PackedInto is not null);
    }

    public static DrainSettings Of(string session, RecordOptions options) => new(options.MaxSize, options.LeaveFree ?? LeaveFreeOf(session), options.KeepBytes,
        (options.KeepTime?.Ticks ?? 0) * TimeSpan.NanosecondsPerTick, options.PackedInto is not null);

    /// <summary>As its arguments.</summary>
    public IEnumerable<string> Arguments =>
        new[] { MaxBytes, LeaveFree, KeepBytes, KeepNs, IsPacked ? 1 : 0 }.Select(n => n.ToString(CultureInfo.InvariantCulture));

    /// <summary>What a recording leaves of a disk unless told otherwise: others have to live on it.</summary>
    public static long LeaveFreeOf(string session)
    {
        const long atMost = 1 << 30;
        return Math.Min(new DriveInfo(session).TotalSize / 20, atMost);
    }
}
