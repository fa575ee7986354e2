using System.Linq.Expressions;
using AllocReplay.Formats.Statistics;

namespace AllocReplay.Analyzer.Tables;

/// <summary>An estimate as a table has it: a column with its name, and behind that one with its standard error.</summary>
internal static class EstimateColumns
{
    /// <summary>An error that nobody knows.</summary>
    private const double NotKnown = -1;

    private const string ErrorMeaning =
        "The standard error of that: 0 where all were recorded, -1 where it is not known (`process.sample_scheme` is `addresses`).";

    /// <summary>The two columns of a property, each with what its value is of the property's.</summary>
    public static IReadOnlyList<(ColumnAttribute Column, Func<Expression, Expression> ValueOf)> Of(ColumnAttribute estimate) =>
    [
        (estimate, e => Expression.Property(e, nameof(EstimatedTotal.Estimate))),
        (new ColumnAttribute(estimate.Name + "_error", estimate.Unit, ErrorMeaning) { Since = estimate.Since },
            e => Expression.Coalesce(Expression.Property(e, nameof(EstimatedTotal.StandardError)), Expression.Constant(NotKnown))),
    ];

    /// <summary>Of what the two columns have.</summary>
    public static EstimatedTotal Read(double estimate, double error) => new(estimate, error >= 0 ? error : null);
}
