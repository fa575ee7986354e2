using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using AllocReplay.Cli.Output;

namespace AllocReplay.Tests.Support;

/// <summary>A property that a JSON object has: <c>threads[].name</c>.</summary>
/// <param name="Path">Names from the root; <c>[]</c> after the name of an array, <c>{}</c> after that of a map.</param>
/// <param name="Type">In JSON's words.</param>
/// <param name="Property">What it is in C#.</param>
internal sealed record JsonMember(string Path, string Type, PropertyInfo Property);

/// <summary>The properties of what <c>--json</c> prints, as the serializer has them.</summary>
internal static class JsonShape
{
    private static readonly JsonSerializerOptions Options = new(Terminal.Json) { TypeInfoResolver = new DefaultJsonTypeInfoResolver() };

    private static readonly HashSet<Type> Integers =
        [typeof(byte), typeof(sbyte), typeof(short), typeof(ushort), typeof(int), typeof(uint), typeof(long), typeof(ulong)];

    /// <summary>All properties of a type, those of objects in it after it.</summary>
    /// <param name="type">Serialized as an object.</param>
    /// <param name="known">What is told elsewhere, with how to refer to it: its properties are left out.</param>
    public static IEnumerable<JsonMember> Of(Type type, Func<Type, string?> known) => Of(type, "", known);

    /// <summary>Paths of what a JSON text holds: those of empty arrays and of nulls end there.</summary>
    public static IEnumerable<string> PathsOf(JsonElement element, string path = "") => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(p => PathsOf(p.Value, Join(path, p.Name)).Prepend(Join(path, p.Name))),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(e => PathsOf(e, path + "[]")),
        _ => [],
    };

    private static IEnumerable<JsonMember> Of(Type type, string path, Func<Type, string?> known)
    {
        foreach (JsonPropertyInfo p in Options.GetTypeInfo(type).Properties.Where(property => property.Get is not null)) // ignored ones have none
        {
            string name = Join(path, p.Name);
            (string words, Type? inner, string suffix) = Describe(p.PropertyType, known);
            bool isNullable = Nullable.GetUnderlyingType(p.PropertyType) is not null || (!p.PropertyType.IsValueType && p.IsGetNullable);
            string row = suffix.StartsWith("{}", StringComparison.Ordinal) && inner is null ? name + suffix : name; // the keys of a map are no properties
            yield return new JsonMember(row, words + (isNullable ? " or null" : ""), (PropertyInfo)p.AttributeProvider!);
            if (inner is not null)
                foreach (JsonMember below in Of(inner, name + suffix, known))
                    yield return below;
        }
    }

    /// <summary>What a type is in JSON, and the object in it whose properties are to be told, with what comes after the name then.</summary>
    private static (string Words, Type? Inner, string Suffix) Describe(Type type, Func<Type, string?> known)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        JsonTypeInfo info = Options.GetTypeInfo(type);
        switch (info.Kind)
        {
            case JsonTypeInfoKind.Object:
                return known(type) is { } reference ? ($"object, {reference}", null, "") : ("object", type, "");
            case JsonTypeInfoKind.Enumerable:
                (string of, Type? inner, string suffix) = Describe(info.ElementType!, known);
                return ($"array of {of}", inner, "[]" + suffix);
            case JsonTypeInfoKind.Dictionary:
                (string values, Type? value, string rest) = Describe(info.ElementType!, known);
                return ($"map to {values}", value, "{}" + rest);
        }
        if (type.IsEnum)
            return (string.Join(", ", Enum.GetValues(type).Cast<object>().Select(v => JsonSerializer.Serialize(v, type, Options).Replace('"', '`'))), null, "");
        string word = type == typeof(object) ? "any value" : type == typeof(bool) ? "boolean"
            : Integers.Contains(type) ? "integer" : type == typeof(double) ? "number"
            : type == typeof(DateTimeOffset) ? "time, ISO 8601" : type == typeof(TimeSpan) ? "duration, [d.]hh:mm:ss.fffffff" : "string";
        return (word, null, "");
    }

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}
