using DuckDB.NET.Native;

namespace AllocReplay.Analyzer.Query;

/// <summary>What the values of a column are, as far as it matters for printing them.</summary>
public enum QueryColumnKind
{
    /// <summary>Text, times, and whatever has no form of its own in JSON.</summary>
    Text,
    /// <summary>Numbers that are exact.</summary>
    Number,
    /// <summary>Numbers of floating point, which may be NaN or infinite.</summary>
    Floating,
    /// <summary>true or false.</summary>
    Boolean,
    /// <summary>Lists, structs and maps.</summary>
    Nested,
    /// <summary>Values of one of several types.</summary>
    Union,
}

/// <summary>A column of a result.</summary>
/// <param name="Name">Its name; several columns may have the same.</param>
/// <param name="Kind">What its values are.</param>
public sealed record QueryColumn(string Name, QueryColumnKind Kind)
{
    /// <summary>The engine's number for VARIANT, which the package does not name.</summary>
    private const DuckDBType Variant = (DuckDBType)41;

    /// <summary>Whether its values are numbers.</summary>
    public bool IsNumber => Kind is QueryColumnKind.Number or QueryColumnKind.Floating;

    internal static QueryColumnKind KindOf(DuckDBType type) => type switch
    {
        DuckDBType.Boolean => QueryColumnKind.Boolean,
        DuckDBType.TinyInt or DuckDBType.SmallInt or DuckDBType.Integer or DuckDBType.BigInt or DuckDBType.HugeInt
            or DuckDBType.UnsignedTinyInt or DuckDBType.UnsignedSmallInt or DuckDBType.UnsignedInteger or DuckDBType.UnsignedBigInt
            or DuckDBType.UnsignedHugeInt or DuckDBType.VarInt or DuckDBType.Decimal => QueryColumnKind.Number,
        DuckDBType.Float or DuckDBType.Double => QueryColumnKind.Floating,
        DuckDBType.List or DuckDBType.Array or DuckDBType.Struct or DuckDBType.Map => QueryColumnKind.Nested,
        DuckDBType.Union or Variant => QueryColumnKind.Union,
        _ => QueryColumnKind.Text,
    };
}
