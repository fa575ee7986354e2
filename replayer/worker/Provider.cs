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
        return Behind(LinkMapOf(hook));
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

    /// <summary>
    /// Objects are linked in the order in which symbols are looked up; the first behind the hook with a malloc of its own is the one. Nothing is loaded
    /// meanwhile: the runtime's own threads load nothing, and there are no others yet. Not from within dl_iterate_phdr, which holds a lock of the
    /// loader: what is called here allocates, and a hook that walks stacks may hold, in another thread, a lock of its own and wait for the loader's.
    /// </summary>
    private static Provider Behind(Libc.LinkMap* hook)
    {
        for (Libc.LinkMap* loaded = hook->Next; loaded != null; loaded = loaded->Next)
        {
            void* handle = Libc.dlopen(loaded->Name, Libc.LoadLazily | Libc.OnlyIfLoaded);
            if (handle == null)
                continue;
            Libc.SymbolInfo info;
            void* own = Lookup(handle, "malloc");
            // A lookup in an object goes on in those that it needs: this one has it itself when it is found at its own address.
            if (own != null && Libc.dladdr(own, &info) != 0 && info.ObjectBase == (void*)loaded->Base)
                return new Provider { _handle = handle, _base = info.ObjectBase, _hookBase = (void*)hook->Base, Path = info.ObjectName };
        }
        Worker.Fail(WorkerExit.NoAllocator, "nothing provides malloc behind the hook"u8);
        return default;
    }

    private static Libc.LinkMap* LinkMapOf(string library)
    {
        Libc.LinkMap* map = null;
        fixed (byte* path = Encoding.UTF8.GetBytes(library + "\0"))
        {
            void* handle = Libc.dlopen(path, Libc.LoadLazily | Libc.OnlyIfLoaded);
            if (handle == null || Libc.dlinfo(handle, Libc.AskLinkMap, &map) != 0)
                Worker.Fail(WorkerExit.HookNotLoaded, "the hook was not loaded"u8);
            return map;
        }
    }
}
