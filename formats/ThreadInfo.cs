namespace AllocReplay.Formats;

/// <summary>A thread of the recorded process.</summary>
/// <param name="Index">Dense index, from 0, in order of creation.</param>
/// <param name="OsTid">The kernel's thread id; may recur in one trace after a thread ended.</param>
/// <param name="Name">Its last recorded name, as in <c>/proc/PID/task/TID/comm</c>.</param>
public sealed record ThreadInfo(int Index, uint OsTid, string Name);
