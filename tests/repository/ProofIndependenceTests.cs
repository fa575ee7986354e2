using System.Reflection;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Verify;

namespace AllocReplay.Tests.Repository;

/// <summary>What proves a replay never looks at the plan that made it, in what it was compiled to; <see cref="NamespaceTests"/> reads its source.</summary>
public sealed class ProofIndependenceTests
{
    private const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    private static readonly string Verify = typeof(ReplayProof).Namespace!, Plan = typeof(ReplayPlan).Namespace!;

    [Fact]
    public void No_type_of_the_proof_holds_or_takes_one_of_the_plan()
    {
        Type[] types = [.. typeof(ReplayProof).Assembly.GetTypes().Where(t => t.Namespace == Verify)];
        Assert.True(types.Length > 5);
        Assert.Empty(types.SelectMany(t => UsedBy(t).Where(IsOfPlan).Select(used => $"{t.Name} uses {used.Name}")));
    }

    [Fact]
    public void A_type_that_uses_the_plan_is_found() => // the control
        Assert.Contains(UsedBy(typeof(Peeking)), IsOfPlan);

    private static bool IsOfPlan(Type type) => type.Namespace == Plan;

    private static IEnumerable<Type> UsedBy(Type type)
    {
        IEnumerable<MethodBase> methods = type.GetMethods(All).Cast<MethodBase>().Concat(type.GetConstructors(All));
        return type.GetFields(All).Select(f => f.FieldType)
            .Concat(methods.SelectMany(m => m.GetParameters().Select(p => p.ParameterType)))
            .Concat(methods.OfType<MethodInfo>().Select(m => m.ReturnType))
            .Concat(methods.SelectMany(m => m.GetMethodBody()?.LocalVariables.Select(l => l.LocalType) ?? []))
            .SelectMany(Parts);
    }

    /// <summary>A list of plans is of the plan.</summary>
    private static IEnumerable<Type> Parts(Type type) =>
        [type, .. type.GetGenericArguments().SelectMany(Parts), .. type.GetElementType() is { } element ? Parts(element) : []];

    private sealed class Peeking
    {
        public static int Look(IReadOnlyList<ReplayPlan> plans) => plans.Count;
    }
}
