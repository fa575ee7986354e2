using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Recording;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Formats;

/// <summary>The C header that the hook writes by and the C# that reads are the same format.</summary>
[StartsProcesses]
public sealed partial class LayoutTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("ar_chunk", typeof(ChunkHeader))]
    [InlineData("ar_process", typeof(ProcessHeader))]
    [InlineData("ar_mark", typeof(MarkEntry))]
    public void Structures_have_the_same_sizes_and_offsets(string structure, Type type)
    {
        FieldInfo[] fields = type.GetFields(BindingFlags.Instance | BindingFlags.Public).OrderBy(f => f.MetadataToken).ToArray();
        string[] names = FieldNames(structure);
        Assert.Equal(fields.Length, names.Length);

        string printed = RunC(
            $"printf(\"%zu\\n\", sizeof(struct {structure}));" +
            string.Concat(names.Select(n => $"printf(\"%zu\\n\", offsetof(struct {structure}, {n}));")));

        string expected = string.Concat(
            new[] { Marshal.SizeOf(type) }.Concat(fields.Select(f => (int)Marshal.OffsetOf(type, f.Name)))
            .Select(n => n.ToString(CultureInfo.InvariantCulture) + "\n"));
        Assert.Equal(expected, printed);
    }

    [Fact]
    public void Event_kinds_have_the_same_numbers_names_and_fields()
    {
        string printed = RunC("""
            #define PRINT(code, name, fields) printf("%d %s %u\n", code, #name, (unsigned)(fields));
            AR_OPS(PRINT)
            """);

        string expected = string.Concat(Enum.GetValues<CallKind>()
            .Select(k => $"{(int)k} {WordBoundary().Replace(k.ToString(), "_$1").ToUpperInvariant()} {(int)CallKinds.Fields(k)!.Value}\n"));
        Assert.Equal(expected, printed.Replace("REALLOCARRAY", "REALLOC_ARRAY", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("AR_CODE_BITS", Wire.CodeBits)]
    [InlineData("AR_CODE_LONG", (int)Wire.CodeLong)]
    [InlineData("AR_SHORT_TIME", (int)Wire.ShortTime)]
    [InlineData("AR_SHORT_ADDRESS_BIT", Wire.ShortAddressBit)]
    [InlineData("AR_SHORT_REACH", (int)Wire.ShortReach)]
    [InlineData("AR_OP_NULL", Wire.OpNull)]
    [InlineData("AR_OP_RAW", Wire.OpRaw)]
    [InlineData("AR_ADDRESS_UNIT", Wire.AddressUnit)]
    [InlineData("AR_EVENT_MAX", Wire.EventMax)]
    [InlineData("AR_CHUNK_MAGIC", (int)Wire.ChunkMagic)]
    [InlineData("AR_TAIL_ALIGNMENT", Wire.TailAlignment)]
    public void Constants_are_the_same(string name, int value) =>
        Assert.Equal(value.ToString(CultureInfo.InvariantCulture), RunC($"printf(\"%d\", (int){name});"));

    private static string[] FieldNames(string structure)
    {
        string header = File.ReadAllText(Path.Combine(SourceTree.Root, "formats", "native", "allocreplay_format.h"));
        string body = Regex.Match(header, $@"struct {structure} {{(.*?)}};", RegexOptions.Singleline).Groups[1].Value;
        return FieldName().Matches(body).Select(m => m.Groups[1].Value).ToArray();
    }

    private string RunC(string statements)
    {
        string source = _directory["layout.c"], executable = _directory["layout"];
        File.WriteAllText(source, new StringBuilder("#include <stdio.h>\n#include \"allocreplay_format.h\"\nint main(void) {\n")
            .Append(statements).Append("\nreturn 0; }\n").ToString());
        string include = Path.Combine(SourceTree.Root, "formats", "native");
        ProgramResult compiled = Programs.Run("cc", ["-std=c11", "-I", include, "-o", executable, source]);
        Assert.True(compiled.ExitCode == 0, compiled.Error);
        return Programs.Run(executable, []).Output;
    }

    [GeneratedRegex(@"(?<=[a-z])([A-Z])")]
    private static partial Regex WordBoundary();


    [GeneratedRegex(@"^\s+(?:u?int\d+_t|char) (\w+)", RegexOptions.Multiline)]
    private static partial Regex FieldName();
}
