using System.IO.Hashing;
using AllocReplay.Formats;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Stacks;

namespace AllocReplay.Symbols.Objects;

/// <summary>A file to take a module's symbols from.</summary>
/// <param name="File">The object file itself, or a separate debug file.</param>
/// <param name="Problem">Why it has less than there may be, as a phrase; null when it has all.</param>
internal sealed record FoundObject(ObjectFile? File, string? Problem);

/// <summary>Finds the files of modules: by build id where there is one, and never one of another build.</summary>
internal sealed class ObjectFinder(SymbolOptions options, Debuginfod debuginfod, ProcessInfo process)
{
    private const string SystemDebug = "/usr/lib/debug";
    private static readonly string[] DebugEndings = [".debug", ""];

    /// <summary>The root that was given; else the program's while it runs, and this machine's.</summary>
    private readonly string[] _roots = options.Sysroot is { } sysroot
        ? [Path.GetFullPath(sysroot)] : [.. RunningProcess.DirectoriesOf(process).Select(d => $"{d}/root"), "/"];

    /// <summary>The files that a module may be found in, whatever they hold, in the order of preference.</summary>
    public IEnumerable<string> Candidates(Module module)
    {
        foreach (string file in DebugFilesById(module.BuildId).Concat(DebugFilesByName(module)))
            yield return file;
        foreach (string file in Places(module.Path, module.BuildId.Length > 0))
            yield return file;
    }

    /// <summary>Finds what has the most to say about a module.</summary>
    public FoundObject Find(Module module)
    {
        string? problem = null;
        ObjectFile? best = null;
        foreach (string file in Places(module.Path, module.BuildId.Length > 0))
        {
            ObjectFile? found = ObjectFile.Open(file);
            string? wrong = found is null ? null : WhyAnother(found, module);
            problem ??= wrong;
            if (found is not null && wrong is null)
            {
                best = found;
                break;
            }
        }
        if (best is { HasLines: true })
            return new FoundObject(best, null);
        ObjectFile? separate = DebugFilesById(module.BuildId).Concat(DebugFilesByName(module)).Select(ObjectFile.Open)
                .FirstOrDefault(f => f is not null && f.BuildId == module.BuildId)
            ?? (best is null ? null : ByDebugLink(best)) ?? ObjectFile.Open(debuginfod.Fetch(module.BuildId) ?? "");
        if (separate is not null && (module.BuildId.Length == 0 || separate.BuildId.Length == 0 || separate.BuildId == module.BuildId))
            return new FoundObject(separate, null);
        if (best is not null)
            return new FoundObject(best, best.HasSymbols ? "no line numbers in it" : "it is stripped: exported functions only");
        return new FoundObject(null, problem ?? (Path.IsPathRooted(module.Path) ? "no such file" : "not a file"));
    }

    /// <summary>Where the file of a path may be.</summary>
    private IEnumerable<string> Places(string path, bool hasBuildId)
    {
        if (!Path.IsPathRooted(path) || path.Contains('\0', StringComparison.Ordinal))
            yield break;
        foreach (string root in _roots)
            if (RootedPath.Resolve(root, path) is { } file)
                yield return file;
        if (options.Sysroot is not null && hasBuildId)
            yield return path; // it may have been this machine's: the build id tells
    }

    private IEnumerable<string> DebugFilesById(string buildId)
    {
        if (buildId.Length < 4 || !buildId.All(char.IsAsciiHexDigitLower))
            yield break;
        string name = Path.Combine(buildId[..2], buildId[2..] + ".debug");
        foreach (string directory in options.DebugDirectories)
        {
            yield return Path.Combine(directory, ".build-id", name);
            yield return Path.Combine(directory, name);
        }
        foreach (string root in _roots)
            if (RootedPath.Resolve(root, $"{SystemDebug}/.build-id/{name}") is { } file)
                yield return file;
        if (debuginfod.Kept(buildId) is { } kept)
            yield return kept;
    }

    /// <summary>In the directories that were given, by the module's name alone or with its path; with or without what debug files end in.</summary>
    private IEnumerable<string> DebugFilesByName(Module module) =>
        module.BuildId.Length == 0 || !Path.IsPathRooted(module.Path) || module.Path.Contains('\0', StringComparison.Ordinal) ? []
            : from directory in options.DebugDirectories
              from name in new[] { module.Name, module.Path }
              from end in DebugEndings
              select Path.Join(directory, name) + end;

    private ObjectFile? ByDebugLink(ObjectFile file)
    {
        if (file.DebugLink.Length == 0)
            return null;
        string folder = Path.GetDirectoryName(file.Path)!;
        string root = _roots.FirstOrDefault(r => file.Path.StartsWith(r, StringComparison.Ordinal)) ?? "/";
        string inside = folder[Math.Min(root.Length, folder.Length)..];
        string[] folders = [folder, Path.Combine(folder, ".debug"),
            .. options.DebugDirectories.SelectMany(d => new[] { Path.Join(d, inside), d }), Path.Join(root, SystemDebug, inside)];
        return folders.Select(f => Path.Combine(f, file.DebugLink)).Where(f => f != file.Path && File.Exists(f) && Checksum(f) == file.DebugChecksum)
            .Select(ObjectFile.Open).FirstOrDefault(f => f is not null);
    }

    private string? WhyAnother(ObjectFile found, Module module)
    {
        if (found.BuildId != module.BuildId)
            return $"another build is there: expected build id {(module.BuildId.Length > 0 ? module.BuildId : "none")}, "
                + $"found {(found.BuildId.Length > 0 ? found.BuildId : "none")}";
        // Without a build id all that tells is the time.
        return module.BuildId.Length == 0 && File.GetLastWriteTimeUtc(found.Path) > RunningProcess.Began(process).UtcDateTime
            ? "it has no build id, and was written after the program or its recording began" : null;
    }

    private static uint? Checksum(string path)
    {
        try
        {
            using var file = new FileStream(FileKind.Open(path, followsLinks: true), FileAccess.Read);
            var crc = new Crc32();
            crc.Append(file);
            return crc.GetCurrentHashAsUInt32();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or TraceFormatException)
        {
            return null;
        }
    }
}
