using System.Runtime.InteropServices;
using System.Text;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Worker;

/// <summary>The object that provides malloc: the allocator under test.</summary>
/// <remarks>
/// A hook stands before it and may have functions that it lacks. What counts is what the allocator has: a call is made through the hook only where the
/// hook would find it there.
/// </remarks>
internal unsafe struct Provider
{
    private void* _handle; // of the object behind the hook; null without a hook
    private void* _base;
    private void* _hookBase;

    /// <summary>Its file.</summary>
    public byte* Path;

    /// <param name="hook">The library that is preloaded before it, or null.</param>
    public static Provider Of(string? hook)
    {
        if (hook is null)
        {
            Libc.SymbolInfo info;
            if (Libc.dladdr(Lookup(null, "malloc"), &info) == 0)
                Worker.Fail(WorkerExit.NoAllocator, "nothing provides malloc"u8);
            return new Provider { _base = info.ObjectBase, Path = info.ObjectName };
        }
        var search = new Search { Hook = BaseOf(hook) };
        _ = Libc.dl_iterate_phdr(&Visit, &search);
        if (search.Found._handle == null)
            Worker.Fail(WorkerExit.NoAllocator, "nothing provides malloc behind the hook"u8);
        return search.Found;
    }

    /// <summary>The address to call, or null when the allocator has no function of that name: never a third library's.</summary>
    public readonly void* Find(string name)
    {
        void* own = Lookup(_handle, name);
        Libc.SymbolInfo info;
        if (own == null || Libc.dladdr(own, &info) == 0 || info.ObjectBase != _base)
            return null;
        if (_handle == null)
            return own;
        void* first = Lookup(null, name);
        return first != null && Libc.dladdr(first, &info) != 0 && info.ObjectBase == _hookBase ? first : own;
    }

    private static void* Lookup(void* handle, string name)
    {
        fixed (byte* text = Encoding.UTF8.GetBytes(name + "\0"))
            return Libc.dlsym(handle, text);
    }

    private static void* BaseOf(string library)
    {
        Libc.LinkMap* map = null;
        fixed (byte* path = Encoding.UTF8.GetBytes(library + "\0"))
        {
            void* handle = Libc.dlopen(path, Libc.LoadLazily | Libc.OnlyIfLoaded);
            if (handle == null || Libc.dlinfo(handle, Libc.AskLinkMap, &map) != 0)
                Worker.Fail(WorkerExit.HookNotLoaded, "the hook was not loaded"u8);
            return (void*)map->Base;
        }
    }

    private struct Search
    {
        public void* Hook;
        public Provider Found;
    }

    /// <summary>Objects come in the order in which symbols are looked up. The first with a malloc of its own that is not the hook is the one.</summary>
    [UnmanagedCallersOnly]
    private static int Visit(Libc.ObjectInfo* loaded, nuint size, void* argument)
    {
        Search* search = (Search*)argument;
        if ((void*)loaded->Base == search->Hook)
            return 0;
        void* handle = loaded->Name[0] == 0 ? null : Libc.dlopen(loaded->Name, Libc.LoadLazily | Libc.OnlyIfLoaded);
        if (handle == null)
            return 0;
        Libc.SymbolInfo info;
        void* own = Lookup(handle, "malloc");
        // A lookup in an object goes on in those that it needs: this one has it itself when it is found at its own address.
        if (own == null || Libc.dladdr(own, &info) == 0 || info.ObjectBase != (void*)loaded->Base)
            return 0;
        search->Found = new Provider { _handle = handle, _base = info.ObjectBase, _hookBase = search->Hook, Path = info.ObjectName };
        return 1;
    }
}
