namespace AllocReplay.Formats;

/// <summary>A process image of a session, as a directory listing shows it.</summary>
/// <param name="Name">Its name, <c>pPID.N</c>: the N-th image that ran under that process id.</param>
/// <param name="Path">Path of its directory; of the file, in a packed trace.</param>
/// <param name="Executable">The program that it ran; empty when its header cannot be read.</param>
/// <param name="EventBytes">Bytes of events stored, the headers of chunks or blocks included: a measure of how busy it was.</param>
/// <param name="LostEvents">As <see cref="ProcessInfo.LostEvents"/>; 0 when its header cannot be read.</param>
/// <param name="Failure">As <see cref="ProcessInfo.Failure"/>; null when its header cannot be read.</param>
public sealed record ProcessImage(string Name, string Path, string Executable, long EventBytes, ulong LostEvents = 0, string? Failure = null);
