namespace AllocReplay.Replayer.Allocators;

/// <summary>Whose settings an allocator reads, whatever it is called.</summary>
public enum AllocatorFamily
{
    /// <summary>Nobody knows.</summary>
    Unknown = 0,
    Glibc = 1,
    Jemalloc = 2,
    Mimalloc = 3,
    /// <summary>The tcmalloc of gperftools.</summary>
    Gperftools = 4,
    Scudo = 5,
}
