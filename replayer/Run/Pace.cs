using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace AllocReplay.Replayer.Run;

/// <summary>When a replay makes its calls: as soon as the order allows, or at their recorded times, which may be stretched.</summary>
[JsonConverter(typeof(PaceConverter))]
public readonly record struct Pace
{
    /// <summary>How people write one: K is a speed, so that x2 is twice as fast.</summary>
    public const string Syntax = "asap|recorded|xK";
    private const string AsapName = "asap", RecordedName = "recorded";
    private const double SpeedMin = 0.001, SpeedMax = 1e6;

    private Pace(double timeScale) => TimeScale = timeScale;

    /// <summary>Each call as soon as its order allows.</summary>
    public static Pace Asap => default;

    /// <summary>Each call at its recorded time.</summary>
    public static Pace Recorded => new(1);

    /// <summary>Time that a second of the recording takes: 1 at the recorded pace, 0.5 twice as fast; 0 as little as can be.</summary>
    public double TimeScale { get; }

    /// <summary>The plan needs no times.</summary>
    public bool IsAsap => TimeScale == 0;

    public static Pace OfTimeScale(double timeScale) => new(timeScale);

    /// <summary>The pace that is written so (<see cref="Syntax"/>), or null.</summary>
    public static Pace? Parse(string text) => text switch
    {
        AsapName => Asap,
        RecordedName => Recorded,
        ['x', .. string k] when double.TryParse(k, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double speed)
            && speed is >= SpeedMin and <= SpeedMax => new Pace(1 / speed),
        _ => null,
    };

    public override string ToString() => TimeScale switch
    {
        0 => AsapName,
        1 => RecordedName,
        _ => string.Create(CultureInfo.InvariantCulture, $"x{1 / TimeScale:0.######}"),
    };
}

/// <summary>A pace in JSON: as people write it.</summary>
internal sealed class PaceConverter : JsonConverter<Pace>
{
    public override Pace Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) =>
        Pace.Parse(reader.GetString() ?? "") ?? throw new JsonException($"expected a pace: {Pace.Syntax}");

    public override void Write(Utf8JsonWriter writer, Pace value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
}
