using AllocReplay.Recorder.Arena;

namespace AllocReplay.Recorder.Attach;

/// <summary>Who may attach to whom, as far as this machine says.</summary>
internal static class AttachRights
{
    private const string Scope = "/proc/sys/kernel/yama/ptrace_scope";

    /// <summary>What is needed where it was refused.</summary>
    public static string Advice => ScopeOf() switch
    {
        > 2 => "kernel.yama.ptrace_scope is 3, which forbids it to everybody until the next boot",
        > 0 and var scope => $"kernel.yama.ptrace_scope is {scope}: run this as root (CAP_SYS_PTRACE), or set it to 0",
        _ when Libc.EffectiveUser == 0 => "even root may not: it is of another namespace of users, or this container lacks CAP_SYS_PTRACE",
        _ => "a process of another user, or one that hides from its own, is only for root (CAP_SYS_PTRACE)",
    };

    private static int ScopeOf()
    {
        try
        {
            return int.TryParse(File.ReadAllText(Scope), out int scope) ? scope : 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
