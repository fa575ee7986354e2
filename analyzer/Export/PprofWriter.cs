using System.IO.Compression;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Formats.Stacks;

namespace AllocReplay.Analyzer.Export;

/// <summary>
/// A profile as pprof reads it: its protocol buffer message, compressed by gzip. Locations are those of the calls, with a line for each function
/// that was inlined there; what has no symbols is left to pprof, which looks for the object files itself.
/// </summary>
public sealed class PprofWriter
{
    private readonly StackProfile _profile;
    private readonly PprofMessage _message;
    private readonly Dictionary<string, long> _texts = new(StringComparer.Ordinal) { [""] = 0 };
    private readonly Dictionary<(string Name, string Linkage, string File), ulong> _functions = [];
    private readonly Dictionary<CodeLocation, ulong> _locations = [];
    private readonly Dictionary<string, ulong> _markers = new(StringComparer.Ordinal);
    private readonly Dictionary<int, Mapping> _mappings = []; // by module

    private PprofWriter(StackProfile profile, PprofMessage message) => (_profile, _message) = (profile, message);

    /// <summary>Writes a profile.</summary>
    public static void Write(StackProfile profile, Stream output)
    {
        using var gzip = new GZipStream(output, CompressionLevel.Optimal, leaveOpen: true);
        using var message = new PprofMessage(gzip);
        new PprofWriter(profile, message).Write();
    }

    private void Write()
    {
        _message.Write(PprofField.StringTable, "");
        bool isOfLive = _profile.Selection.Blocks is SelectedBlocks.Live or SelectedBlocks.Outstanding;
        WriteValueType(PprofField.SampleType, isOfLive ? "inuse_objects" : "alloc_objects", "count");
        WriteValueType(PprofField.SampleType, isOfLive ? "inuse_space" : "alloc_space", "bytes");
        WriteValueType(PprofField.PeriodType, "objects", "count");
        _message.Write(PprofField.Period, _profile.Process.Sample);
        _message.Write(PprofField.DefaultSampleType, Text(isOfLive ? "inuse_space" : "alloc_space"));
        _message.Write(PprofField.TimeNanos, ProcessRow.EpochNs(_profile.Process.Started) + _profile.FirstNs);
        _message.Write(PprofField.DurationNanos, _profile.DurationNs);
        _message.Write(PprofField.Comment, Text($"allocreplay {ProcessRow.Version}, {_profile.Selection.Blocks.ToString().ToLowerInvariant()} blocks"));
        foreach (StackWeight weight in _profile.Weights)
        {
            ulong[] locations = LocationsOf(weight.Stack);
            _message.Write(PprofField.Sample, sample =>
            {
                sample.Write(PprofField.SampleLocations, locations);
                sample.Write(PprofField.SampleValues, [(ulong)weight.Blocks, weight.Bytes]);
            });
        }
        // The first is the program itself, to pprof.
        foreach (Mapping mapping in _mappings.Values.OrderByDescending(m => m.Module.Path == _profile.Process.Executable).ThenBy(m => m.Id))
            WriteMapping(mapping);
    }

    /// <summary>Of a stack, the lowest first.</summary>
    private ulong[] LocationsOf(int stack)
    {
        IReadOnlyList<Frame> frames = _profile.Symbols.FramesOf(_profile.Frames, stack, out bool isWhole);
        IEnumerable<ulong> locations = frames.Select(LocationOf);
        if (frames.Count == 0)
            locations = [MarkerOf(StackFunction.Unknown)];
        else if (!isWhole)
            locations = locations.Append(MarkerOf(StackFunction.Truncated));
        return [.. locations];
    }

    private ulong LocationOf(Frame frame)
    {
        if (_locations.TryGetValue(frame.Location, out ulong id))
            return id;
        StackLine[] lines = [.. _profile.Symbols.Lines([frame])];
        Mapping? mapping = frame.Module is null ? null : MappingOf(frame.Module);
        mapping?.Add(lines);
        id = WriteLocation(mapping?.Id ?? 0, frame.CallAddress, lines.Select(l => (l.Name, l.Function ?? new FunctionLine(l.Name, "", "", 0))));
        _locations.Add(frame.Location, id);
        return id;
    }

    private ulong MarkerOf(string name)
    {
        if (!_markers.TryGetValue(name, out ulong id))
            _markers.Add(name, id = WriteLocation(0, 0, [(name, new FunctionLine(name, "", "", 0))]));
        return id;
    }

    private ulong WriteLocation(ulong mapping, ulong address, IEnumerable<(string Name, FunctionLine Function)> lines)
    {
        ulong id = (ulong)(_locations.Count + _markers.Count + 1);
        (ulong Function, int Line)[] numbers = [.. lines.Select(l => (FunctionOf(l.Name, l.Function), l.Function.Line))];
        _message.Write(PprofField.Location, location =>
        {
            location.Write(PprofField.LocationId, id);
            location.Write(PprofField.LocationMapping, mapping);
            location.Write(PprofField.LocationAddress, address);
            foreach ((ulong function, int number) in numbers)
            {
                location.Write(PprofField.LocationLine, line =>
                {
                    line.Write(PprofField.LineFunction, function);
                    line.Write(PprofField.LineNumber, number);
                });
            }
        });
        return id;
    }

    private ulong FunctionOf(string name, FunctionLine function)
    {
        (string, string, string) key = (name, function.LinkageName, function.File);
        if (_functions.TryGetValue(key, out ulong id))
            return id;
        _functions.Add(key, id = (ulong)(_functions.Count + 1));
        (long text, long linkage, long file) = (Text(name), Text(function.LinkageName.Length > 0 ? function.LinkageName : name), Text(function.File));
        _message.Write(PprofField.Function, message =>
        {
            message.Write(PprofField.FunctionId, id);
            message.Write(PprofField.FunctionName, text);
            message.Write(PprofField.FunctionSystemName, linkage);
            message.Write(PprofField.FunctionFilename, file);
        });
        return id;
    }

    private Mapping MappingOf(Module module)
    {
        if (!_mappings.TryGetValue(module.Index, out Mapping? mapping))
            _mappings.Add(module.Index, mapping = new Mapping((ulong)(_mappings.Count + 1), module));
        return mapping;
    }

    private void WriteMapping(Mapping mapping)
    {
        Module module = mapping.Module;
        (long path, long buildId) = (Text(module.Path.Length > 0 ? module.Path : module.Name), Text(module.BuildId));
        _message.Write(PprofField.Mapping, message =>
        {
            message.Write(PprofField.MappingId, mapping.Id);
            message.Write(PprofField.MappingStart, module.From);
            message.Write(PprofField.MappingLimit, module.To);
            message.Write(PprofField.MappingFilename, path);
            message.Write(PprofField.MappingBuildId, buildId);
            message.Write(PprofField.MappingHasFunctions, mapping.HasFunctions);
            message.Write(PprofField.MappingHasFilenames, mapping.HasFilenames);
            message.Write(PprofField.MappingHasLineNumbers, mapping.HasLineNumbers);
            message.Write(PprofField.MappingHasInlineFrames, mapping.HasInlineFrames);
        });
    }

    private void WriteValueType(PprofField field, string type, string unit)
    {
        (long typeText, long unitText) = (Text(type), Text(unit));
        _message.Write(field, message =>
        {
            message.Write(PprofField.ValueTypeType, typeText);
            message.Write(PprofField.ValueTypeUnit, unitText);
        });
    }

    /// <summary>A text's number. It is written when it is met first: so not inside of another message.</summary>
    private long Text(string text)
    {
        if (!_texts.TryGetValue(text, out long number))
        {
            _texts.Add(text, number = _texts.Count);
            _message.Write(PprofField.StringTable, text);
        }
        return number;
    }

    /// <summary>A module, and what symbols told of its code.</summary>
    private sealed record Mapping(ulong Id, Module Module)
    {
        public bool HasFunctions { get; private set; }
        public bool HasFilenames { get; private set; }
        public bool HasLineNumbers { get; private set; }
        public bool HasInlineFrames { get; private set; }

        public void Add(StackLine[] lines)
        {
            HasFunctions |= lines.Any(l => l.Function is { Function.Length: > 0 });
            HasFilenames |= lines.Any(l => l.Function is { File.Length: > 0 });
            HasLineNumbers |= lines.Any(l => l.Function is { Line: > 0 });
            HasInlineFrames |= lines.Length > 1;
        }
    }
}
