using System.Linq.Expressions;
using System.Reflection;
using AllocReplay.Analyzer.Parquet;
using AllocReplay.Formats.Statistics;

namespace AllocReplay.Analyzer.Tables;

/// <summary>The buffer of a column, and how it takes values of rows: the first <c>count</c> of an array, from its own index <c>at</c> on.</summary>
internal readonly record struct RowBuffer<TRow>(Column Column, Action<TRow[], int, int> Take);

/// <summary>A column of a row type.</summary>
internal sealed class RowColumn<TRow> where TRow : struct
{
    private readonly Func<int, RowBuffer<TRow>> _create;

    private RowColumn(ColumnInfo info, Func<int, RowBuffer<TRow>> create) => (Info, _create) = (info, create);

    public ColumnInfo Info { get; }

    public RowBuffer<TRow> CreateBuffer(int capacity) => _create(capacity);

    /// <summary>That of a property, or of an estimate both.</summary>
    /// <exception cref="NotSupportedException">The property's type is none that every engine reads alike.</exception>
    public static IEnumerable<RowColumn<TRow>> Of(PropertyInfo property, ColumnAttribute column, int tableSince) =>
        property.PropertyType == typeof(EstimatedTotal)
            ? EstimateColumns.Of(column).Select(c => Of(row => c.ValueOf(Expression.Property(row, property)), typeof(double), c.Column, tableSince))
            : [Of(row => Expression.Property(row, property), property.PropertyType, column, tableSince)];

    private static RowColumn<TRow> Of(Func<Expression, Expression> valueOf, Type type, ColumnAttribute column, int tableSince)
    {
        string name = column.Name;
        if (type == typeof(long))
            return Of<Int64Column, long>(ColumnType.Int64, n => new(name, n, column.Repeats), c => c.Values);
        if (type == typeof(int))
            return Of<Int32Column, int>(ColumnType.Int32, n => new(name, n, column.Repeats), c => c.Values);
        if (type == typeof(double))
            return Of<DoubleColumn, double>(ColumnType.Double, n => new(name, n), c => c.Values);
        if (type == typeof(bool))
            return Of<BooleanColumn, bool>(ColumnType.Boolean, n => new(name, n), c => c.Values);
        if (type == typeof(string))
            return Of<TextColumn, string>(ColumnType.Text, n => new(name, n), c => c.Values);
        IReadOnlyList<string> names = ValueNames.Of(type) ?? throw new NotSupportedException($"column {name}: no column can hold a {type.Name}");
        return Of<NameColumn, byte>(ColumnType.Text, n => new(name, n, names), c => c.Codes);

        RowColumn<TRow> Of<TColumn, T>(ColumnType stored, Func<int, TColumn> create, Func<TColumn, T[]> values) where TColumn : Column
        {
            Action<TRow[], T[], int, int> copy = Copy<T>(valueOf);
            return new RowColumn<TRow>(new ColumnInfo(name, stored, column.Unit, column.Meaning, Math.Max(column.Since, tableSince)), capacity =>
            {
                TColumn buffer = create(capacity);
                T[] array = values(buffer);
                return new RowBuffer<TRow>(buffer, (rows, at, count) => copy(rows, array, at, count));
            });
        }
    }

    /// <summary>
    /// <c>for (i = 0; i &lt; count; i++) values[at + i] = valueOf(rows[i])</c>, compiled: a table of millions of rows is filled this way, and a call
    /// for each value would cost more than the rest.
    /// </summary>
    private static Action<TRow[], T[], int, int> Copy<T>(Func<Expression, Expression> valueOf)
    {
        ParameterExpression rows = Expression.Parameter(typeof(TRow[])), values = Expression.Parameter(typeof(T[]));
        ParameterExpression at = Expression.Parameter(typeof(int)), count = Expression.Parameter(typeof(int));
        ParameterExpression i = Expression.Variable(typeof(int));
        LabelTarget end = Expression.Label();
        Expression value = valueOf(Expression.ArrayIndex(rows, i));
        Expression step = Expression.Block(
            Expression.Assign(Expression.ArrayAccess(values, Expression.Add(at, i)), value.Type == typeof(T) ? value : Expression.Convert(value, typeof(T))),
            Expression.PreIncrementAssign(i));
        Expression loop = Expression.Loop(Expression.IfThenElse(Expression.LessThan(i, count), step, Expression.Break(end)), end);
        return Expression.Lambda<Action<TRow[], T[], int, int>>(Expression.Block([i], loop), rows, values, at, count).Compile();
    }
}
