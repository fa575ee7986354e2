using System.Runtime.InteropServices;
using System.Text;

namespace AllocReplay.Recorder.Attach;

/// <summary>What the hook in a process says of being attached: <c>allocreplay_late</c> of recorder/hook/late.c.</summary>
internal enum LateState : uint
{
    /// <summary>It was preloaded, or its constructor has not run.</summary>
    NotLate,
    /// <summary>The program's functions lead to it.</summary>
    Attached,
    /// <summary>They do not any more; it stays.</summary>
    Detached,
}

/// <summary>The hook in a process's memory.</summary>
internal sealed class HookInside
{
    public const string Settings = "allocreplay_settings";
    public const int SettingsMax = 8192;

    private const uint DetoursMax = 192;
    private const string File = "liballocreplay";

    private readonly ProcessMemory _memory;
    private readonly LoadedObject _object;
    private readonly ulong _state;

    private HookInside(ProcessMemory memory, LoadedObject hook, ulong state) => (_memory, _object, _state) = (memory, hook, state);

    /// <summary>
    /// Finds it; null where it is not loaded. A loader that could not open it may have left a part of it mapped, without its variables.
    /// </summary>
    public static HookInside? In(ProcessMemory memory, IReadOnlyList<Mapping> map)
    {
        foreach (Mapping first in map.Where(m => m.Offset == 0 && Path.GetFileName(m.Name).StartsWith(File, StringComparison.Ordinal)))
            if (LoadedObject.At(memory, first) is { } hook && hook.Find("allocreplay_late") is { } state
                && map.Any(m => m.IsWritable && m.Has(state.Start)))
                return new HookInside(memory, hook, state.Start);
        return null;
    }

    public LateState State => (LateState)_memory.At<uint>(_state);

    /// <summary>Why it has not got the shared memory of a recording.</summary>
    public string ArenaError => Marshal.GetPInvokeErrorMessage(_object.Find("allocreplay_arena_error") is { } at ? _memory.At<int>(at.Start) : 0);

    public RemoteFunction Attach => Function("allocreplay_attach");

    public RemoteFunction Detach => Function("allocreplay_detach");

    /// <summary>What it reads when it is attached again.</summary>
    public bool Tell(IEnumerable<string> settings) =>
        _object.Find(Settings) is { } at && _memory.TryWrite(at.Start, BytesOf(settings));

    /// <exception cref="ControlException">There are too many.</exception>
    public static byte[] BytesOf(IEnumerable<string> settings)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(string.Concat(settings.Select(s => s + "\0")) + "\0");
        return bytes.Length <= SettingsMax ? bytes : throw new ControlException("the recording's path is too long to be told to another process");
    }

    /// <summary>Changes of the program's code that it has made ready: <c>allocreplay_detours</c> of recorder/hook/linked.c.</summary>
    public Detour[] Detours()
    {
        if (_object.Find("allocreplay_detour_count") is not { } count || _object.Find("allocreplay_detours") is not { } list)
            return [];
        var detours = new Detour[Math.Min(_memory.At<uint>(count.Start), DetoursMax)];
        return _memory.TryRead(list.Start, MemoryMarshal.AsBytes(detours.AsSpan())) ? detours : [];
    }

    private RemoteFunction Function(string name) =>
        _object.Find(name) is { } at ? new RemoteFunction(at.Start, "", 0) : throw new ControlException($"the library that is loaded has no {name}");
}
