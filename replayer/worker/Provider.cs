using System.Runtime.InteropServices;
using System.Text;

namespace AllocReplay.Worker;

/// <summary>The object that provides malloc: the allocator under test.</summary>
/// <remarks>
/// When the replay is recorded, our hook stands before it and has every function. What counts is what the allocator has: a call is made through
/// the hook only where the hook would find it there.
/// </remarks>
internal unsafe struct Provider
{
    private void* _handle; // of the object behind the hook; null without a hook
    private void* _base;

    /// <summary>Its file.</summary>
    public byte* Path;

    /// <param name="hook">A function of the hook, or null.</param>
    public static Provider Of(void* hook)
    {
        Libc.SymbolInfo info;
        if (hook == null)
        {
            if (Libc.dladdr(Lookup(null, "malloc"), &info) == 0)
                Worker.Fail("nothing provides malloc"u8);
            return new Provider { _base = info.ObjectBase, Path = info.ObjectName };
        }
        _ = Libc.dladdr(hook, &info);
        var search = new Search { Hook = info.ObjectBase };
        _ = Libc.dl_iterate_phdr(&Visit, &search);
        if (search.Found._handle == null)
            Worker.Fail("nothing provides malloc behind the hook"u8);
        return search.Found;
    }

    /// <summary>The address to call, or null when the allocator has no function of that name: never another library's.</summary>
    public readonly void* Find(string name)
    {
        void* own = Lookup(_handle, name);
        Libc.SymbolInfo info;
        if (own == null || Libc.dladdr(own, &info) == 0 || info.ObjectBase != _base)
            return null;
        return _handle == null ? own : Lookup(null, name);
    }

    private static void* Lookup(void* handle, string name)
    {
        fixed (byte* text = Encoding.UTF8.GetBytes(name + "\0"))
            return Libc.dlsym(handle, text);
    }

    private struct Search
    {
        public void* Hook;
        public bool IsBehind;
        public Provider Found;
    }

    /// <summary>Objects come in the order in which symbols are looked up. The first behind the hook with a malloc of its own is the one.</summary>
    [UnmanagedCallersOnly]
    private static int Visit(Libc.ObjectInfo* loaded, nuint size, void* argument)
    {
        Search* search = (Search*)argument;
        void* handle = loaded->Name[0] == 0 ? null : Libc.dlopen(loaded->Name, Libc.LoadLazily | Libc.OnlyIfLoaded);
        if (handle == null)
            return 0;
        Libc.SymbolInfo info;
        void* own = Lookup(handle, "malloc");
        if (own == null || Libc.dladdr(own, &info) == 0)
            return 0;
        bool isHook = info.ObjectBase == search->Hook;
        // A lookup in an object goes on in those that it needs: this one has it itself when it is found at its own address.
        bool isOwn = info.ObjectBase == (void*)loaded->Base;
        if (search->IsBehind && isOwn && !isHook)
        {
            search->Found = new Provider { _handle = handle, _base = info.ObjectBase, Path = info.ObjectName };
            return 1;
        }
        search->IsBehind |= isHook && isOwn;
        return 0;
    }
}
