using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using AllocReplay.Cli.Commands;
using AllocReplay.Cli.Output;
using AllocReplay.Cli.Pages;
using AllocReplay.Formats;
using AllocReplay.Formats.Summary;
using AllocReplay.Recorder;
using AllocReplay.Recorder.Doctor;

namespace AllocReplay.Cli;

/// <summary>
/// How values become JSON. What the commands of the native recorder print is written by generated code, as nothing can be looked up there while it
/// runs; everything else by reflection.
/// </summary>
internal static class JsonTypes
{
    /// <param name="isReflective">Whether types and enumerations are looked up that are not named here; the native recorder cannot.</param>
    public static JsonSerializerOptions Create(bool isReflective = true)
    {
        var options = new JsonSerializerOptions
        {
            WriteIndented = true,
            PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
            DefaultIgnoreCondition = JsonIgnoreCondition.Never,
            Converters =
            {
                Names<CheckKind>(), Names<DrainState>(), Names<Obstacle>(), Names<RecordingLimit>(), Names<RecordingState>(), Names<SampleScheme>(),
                Names<TopState>(), Names<TraceForm>(), Names<TraceWarningKind>(), Names<Verdict>(),
            },
            Encoder = JsonText.Encoder,
            TypeInfoResolver = GeneratedJson.Default,
        };
        if (isReflective && JsonSerializer.IsReflectionEnabledByDefault)
        {
            options.TypeInfoResolverChain.Add(new DefaultJsonTypeInfoResolver());
            options.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower));
        }
        return options;
    }

    private static JsonStringEnumConverter<T> Names<T>()
        where T : struct, Enum => new(JsonNamingPolicy.SnakeCaseLower);
}

/// <summary>The objects that the commands of the native recorder print.</summary>
[JsonSerializable(typeof(DoctorReport))]
[JsonSerializable(typeof(InfoReport))]
[JsonSerializable(typeof(PackSummary))]
[JsonSerializable(typeof(RecordingStatus))]
[JsonSerializable(typeof(TopReport))]
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
internal sealed partial class GeneratedJson : JsonSerializerContext;
