using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using MessagePack;

namespace AllocReplay.Formats.Stored;

/// <summary>
/// Objects as MessagePack, by their attributes, as the package's serializer writes and reads them; but without code that is made at run time, which an
/// executable that was compiled ahead of time cannot have. Types that occur as values are listed in <see cref="StoredValue"/>.
/// </summary>
internal static class StoredMap
{
    internal const DynamicallyAccessedMemberTypes Members =
        DynamicallyAccessedMemberTypes.PublicProperties | DynamicallyAccessedMemberTypes.PublicConstructors
        | DynamicallyAccessedMemberTypes.NonPublicConstructors;

    public static byte[] Serialize<[DynamicallyAccessedMembers(Members)] T>(T value)
        where T : class
    {
        var bytes = new ArrayBufferWriter<byte>();
        var writer = new MessagePackWriter(bytes);
        StoredMap<T>.Write(ref writer, value);
        writer.Flush();
        return bytes.WrittenSpan.ToArray();
    }

    /// <summary>
    /// Null where it is nil. Keys that it lacks leave what the constructor sets, or null where there is none; keys that are not known are skipped.
    /// </summary>
    /// <exception cref="MessagePackSerializationException">It is no such object.</exception>
    public static T? Deserialize<[DynamicallyAccessedMembers(Members)] T>(ReadOnlyMemory<byte> bytes)
        where T : class
    {
        var reader = new MessagePackReader(bytes);
        try
        {
            return reader.TryReadNil() ? null : (T)StoredMap<T>.Read(ref reader);
        }
        catch (Exception e) when (e is InvalidOperationException or OverflowException or EndOfStreamException or ArgumentException or InvalidCastException)
        {
            throw new MessagePackSerializationException($"not a {typeof(T).Name}", e);
        }
    }
}

/// <summary>One type: a map by its text keys, or an array by its numbers.</summary>
internal static class StoredMap<[DynamicallyAccessedMembers(StoredMap.Members)] T>
{
    private static readonly (PropertyInfo Property, KeyAttribute Key, StoredValue Value)[] Properties =
        [.. typeof(T).GetProperties().Select(p => (Property: p, Key: p.GetCustomAttribute<KeyAttribute>()!)).Where(p => p.Key is not null)
            .Select(p => (p.Property, p.Key, StoredValue.Of(p.Property.PropertyType)))];

    private static readonly bool IsMap = Properties[0].Key.StringKey is not null;

    private static readonly Dictionary<string, int> ByName = IsMap ? Properties.Index().ToDictionary(p => p.Item.Key.StringKey!, p => p.Index) : [];

    private static readonly bool HasConstructor = typeof(T).GetConstructor([]) is not null;

    public static void Write(ref MessagePackWriter writer, object value)
    {
        if (IsMap)
            writer.WriteMapHeader(Properties.Length);
        else
            writer.WriteArrayHeader(Properties.Length);
        foreach ((PropertyInfo property, KeyAttribute key, StoredValue codec) in Properties)
        {
            if (IsMap)
                writer.Write(key.StringKey);
            if (property.GetValue(value) is { } set)
                codec.Write(ref writer, set);
            else
                writer.WriteNil();
        }
    }

    public static object Read(ref MessagePackReader reader)
    {
        object value = HasConstructor || typeof(T).IsValueType ? Activator.CreateInstance<T>()! : RuntimeHelpers.GetUninitializedObject(typeof(T));
        int count = IsMap ? reader.ReadMapHeader() : reader.ReadArrayHeader();
        for (int i = 0; i < count; i++)
        {
            int at = IsMap ? ByName.GetValueOrDefault(reader.ReadString() ?? "", -1) : i;
            if ((uint)at < Properties.Length)
                Properties[at].Property.SetValue(value, Properties[at].Value.ReadOrNil(ref reader));
            else
                reader.Skip();
        }
        return value;
    }
}
