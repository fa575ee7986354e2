using System.Buffers;
using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Stacks;
using MessagePack;
using MessagePack.Formatters;

namespace AllocReplay.Formats.Stored;

/// <summary>How a value of a type is written and read: all types that properties of stored objects have.</summary>
/// <param name="Write">Writes one that is not null.</param>
/// <param name="Read">Reads one that is not nil.</param>
/// <param name="MayBeNil">Whether there is a null.</param>
internal sealed record StoredValue(StoredValue.Writing Write, StoredValue.Reading Read, bool MayBeNil = true)
{
    public delegate void Writing(ref MessagePackWriter writer, object value);

    public delegate object Reading(ref MessagePackReader reader);

    private static readonly StoredValue Text = new((ref w, v) => w.Write((string)v), (ref r) => r.ReadString()!);
    private static readonly StoredValue Int = new((ref w, v) => w.Write((int)v), (ref r) => r.ReadInt32(), MayBeNil: false);
    private static readonly StoredValue UInt = new((ref w, v) => w.Write((uint)v), (ref r) => r.ReadUInt32(), MayBeNil: false);
    private static readonly StoredValue Long = new((ref w, v) => w.Write((long)v), (ref r) => r.ReadInt64(), MayBeNil: false);
    private static readonly StoredValue ULong = new((ref w, v) => w.Write((ulong)v), (ref r) => r.ReadUInt64(), MayBeNil: false);

    private static readonly FrozenDictionary<Type, StoredValue> All = new Dictionary<Type, StoredValue>
    {
        [typeof(string)] = Text,
        [typeof(int)] = Int,
        [typeof(int?)] = Int with { MayBeNil = true },
        [typeof(uint)] = UInt,
        [typeof(uint?)] = UInt with { MayBeNil = true },
        [typeof(long)] = Long,
        [typeof(long?)] = Long with { MayBeNil = true },
        [typeof(ulong)] = ULong,
        [typeof(double)] = new((ref w, v) => w.Write((double)v), (ref r) => r.ReadDouble(), MayBeNil: false),
        [typeof(bool)] = new((ref w, v) => w.Write((bool)v), (ref r) => r.ReadBoolean(), MayBeNil: false),
        [typeof(byte[])] = new((ref w, v) => w.Write((byte[])v), (ref r) => r.ReadBytes()!.Value.ToArray()),
        [typeof(DateTimeOffset)] = new(
            (ref w, v) => DateTimeOffsetFormatter.Instance.Serialize(ref w, (DateTimeOffset)v, null!),
            (ref r) => DateTimeOffsetFormatter.Instance.Deserialize(ref r, null!), MayBeNil: false),
        [typeof(RecordingState)] = new((ref w, v) => w.Write((int)(RecordingState)v), (ref r) => (RecordingState)r.ReadInt32(), MayBeNil: false),
        [typeof(SampleScheme)] = new((ref w, v) => w.Write((int)(SampleScheme)v), (ref r) => (SampleScheme)r.ReadInt32(), MayBeNil: false),
        [typeof(string[])] = ListOf<string>(Text),
        [typeof(IReadOnlyList<string>)] = ListOf<string>(Text),
        [typeof(int[])] = ListOf<int>(Int),
        [typeof(ulong[])] = ListOf<ulong>(ULong),
        [typeof(IReadOnlyDictionary<int, int>)] = new(WriteNumbers, ReadNumbers),
        [typeof(CarriedPart)] = Map<CarriedPart>(),
        [typeof(ClockRate)] = Map<ClockRate>() with { MayBeNil = false },
        [typeof(Interval[])] = ListOf<Interval>(Map<Interval>()),
        [typeof(Marker[])] = ListOf<Marker>(Map<Marker>()),
        [typeof(ProcessInfo)] = Map<ProcessInfo>(),
        [typeof(ReplayInfo)] = Map<ReplayInfo>(),
        [typeof(StreamInfo[])] = ListOf<StreamInfo>(Map<StreamInfo>()),
        [typeof(SymbolMap)] = Map<SymbolMap>(),
        [typeof(SymbolMap.Location[])] = ListOf<SymbolMap.Location>(Map<SymbolMap.Location>()),
        [typeof(TraceRange)] = Map<TraceRange>(),
    }.ToFrozenDictionary();

    /// <exception cref="NotSupportedException">It is not listed here: a slip of ours, not of a file.</exception>
    public static StoredValue Of(Type type) =>
        All.TryGetValue(type, out StoredValue? value) ? value : throw new NotSupportedException($"{type} is not among the values that are stored");

    public object? ReadOrNil(ref MessagePackReader reader) => MayBeNil && reader.TryReadNil() ? null : Read(ref reader);

    private static StoredValue Map<[DynamicallyAccessedMembers(StoredMap.Members)] T>() => new(StoredMap<T>.Write, StoredMap<T>.Read);

    private static StoredValue ListOf<T>(StoredValue element) => new(
        (ref w, v) =>
        {
            var list = (IReadOnlyCollection<T>)v;
            w.WriteArrayHeader(list.Count);
            foreach (T item in list)
            {
                if (item is null)
                    w.WriteNil();
                else
                    element.Write(ref w, item);
            }
        },
        (ref r) =>
        {
            int count = r.ReadArrayHeader();
            T[] list = count == 0 ? [] : new T[count]; // all that are empty are one, and so equal
            for (int i = 0; i < list.Length; i++)
                list[i] = (T)element.ReadOrNil(ref r)!;
            return list;
        });

    private static void WriteNumbers(ref MessagePackWriter writer, object value)
    {
        var numbers = (IReadOnlyDictionary<int, int>)value;
        writer.WriteMapHeader(numbers.Count);
        foreach ((int key, int number) in numbers)
        {
            writer.Write(key);
            writer.Write(number);
        }
    }

    private static Dictionary<int, int> ReadNumbers(ref MessagePackReader reader)
    {
        var numbers = new Dictionary<int, int>();
        for (int left = reader.ReadMapHeader(); left > 0; left--)
            numbers.Add(reader.ReadInt32(), reader.ReadInt32());
        return numbers;
    }
}
