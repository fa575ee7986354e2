using System.Globalization;
using System.Text;

namespace AllocReplay.Worker;

/// <summary>The value of a setting, as the allocator's own interface tells it: jemalloc's mallctl, gperftools' MallocExtension.</summary>
internal static unsafe class AllocatorSettingValue
{
    /// <summary>jemalloc's options that are text. All others of eight bytes are numbers.</summary>
    private static readonly string[] TextOptions =
    [
        "opt.dss", "opt.junk", "opt.malloc_conf_symlink", "opt.metadata_thp", "opt.percpu_arena", "opt.prof_prefix", "opt.prof_time_resolution",
        "opt.stats_interval_opts", "opt.stats_print_opts", "opt.thp", "opt.zero_realloc",
    ];

    /// <summary>The value as text; null when the allocator has no such setting, or no interface that tells it.</summary>
    public static string? Read(Provider provider, string name)
    {
        void* control = provider.Find("mallctl");
        if (control != null)
            return OfJemalloc((delegate* unmanaged<byte*, void*, nuint*, void*, nuint, int>)control, name);
        void* property = provider.Find("MallocExtension_GetNumericProperty");
        return property == null ? null : OfGperftools((delegate* unmanaged<byte*, nuint*, int>)property, name);
    }

    /// <summary>mallctl refuses to fill a variable of another size than the option's: the size that it takes is the type.</summary>
    private static string? OfJemalloc(delegate* unmanaged<byte*, void*, nuint*, void*, nuint, int> control, string name)
    {
        fixed (byte* text = Encoding.UTF8.GetBytes(name + "\0"))
        {
            foreach (int size in (ReadOnlySpan<int>)[sizeof(byte), sizeof(uint), sizeof(ulong)])
            {
                ulong value = 0;
                nuint length = (nuint)size;
                if (control(text, &value, &length, null, 0) != 0)
                    continue;
                return size switch
                {
                    sizeof(byte) => value != 0 ? "true" : "false",
                    sizeof(uint) => value.ToString(CultureInfo.InvariantCulture),
                    _ when TextOptions.Contains(name) => value == 0 ? "" : new string((sbyte*)value),
                    _ => ((long)value).ToString(CultureInfo.InvariantCulture), // times may be -1
                };
            }
            return null;
        }
    }

    private static string? OfGperftools(delegate* unmanaged<byte*, nuint*, int> property, string name)
    {
        nuint value;
        fixed (byte* text = Encoding.UTF8.GetBytes(name + "\0"))
            return property(text, &value) != 0 ? value.ToString(CultureInfo.InvariantCulture) : null;
    }
}
