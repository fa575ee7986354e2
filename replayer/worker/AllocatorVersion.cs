using System.Globalization;
using AllocReplay.Replayer.Allocators;

namespace AllocReplay.Worker;

/// <summary>The release of the allocator that provides malloc, as the allocator itself tells it; empty where it has no function for that.</summary>
internal static unsafe class AllocatorVersion
{
    /// <summary>Whose settings the allocator reads, by functions that only those have.</summary>
    public static AllocatorFamily FamilyOf(Provider provider) =>
        provider.Find("mallctl") != null ? AllocatorFamily.Jemalloc
        : provider.Find("mi_version") != null ? AllocatorFamily.Mimalloc
        : provider.Find("tc_version") != null ? AllocatorFamily.Gperftools
        : provider.Find("__scudo_print_stats") != null ? AllocatorFamily.Scudo
        : provider.Find("gnu_get_libc_version") != null ? AllocatorFamily.Glibc
        : AllocatorFamily.Unknown;

    public static string Of(Provider provider)
    {
        void* function = provider.Find("mallctl");
        if (function != null)
            return OfJemalloc(function);
        function = provider.Find("mi_version");
        if (function != null)
            return OfMimalloc(((delegate* unmanaged<int>)function)());
        function = provider.Find("tc_version");
        return function != null ? OfTcmalloc(function) : "";
    }

    /// <summary><c>5.3.0-0-g54eaed1d…</c> is the release 5.3.0; other counts than 0 are of commits after it.</summary>
    private static string OfJemalloc(void* control)
    {
        sbyte* text = null;
        nuint length = (nuint)sizeof(nint);
        int error;
        fixed (byte* name = "version"u8)
            error = ((delegate* unmanaged<byte*, void*, nuint*, void*, nuint, int>)control)(name, &text, &length, null, 0);
        return error == 0 && text != null ? new string(text).Split("-0-g")[0] : "";
    }

    /// <summary>212 is 2.1.2; where a digit each is not enough, there are two: 30110 is 3.1.10.</summary>
    private static string OfMimalloc(int version)
    {
        int digits = version < 1000 ? 10 : 100;
        return string.Create(CultureInfo.InvariantCulture, $"{version / digits / digits}.{version / digits % digits}.{version % digits}");
    }

    /// <summary><c>gperftools 2.10</c>.</summary>
    private static string OfTcmalloc(void* version)
    {
        int major, minor;
        sbyte* patch;
        sbyte* text = ((delegate* unmanaged<int*, int*, sbyte**, sbyte*>)version)(&major, &minor, &patch);
        return text == null ? "" : new string(text).Split(' ')[^1];
    }
}
