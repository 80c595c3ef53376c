using System.Diagnostics.CodeAnalysis;

namespace Research.ModelBased;

/// <summary>The scenarios of learning that come with the library, by name.</summary>
public static class Scenarios
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<LearningScenario> All { get; } = [.. Agents.Scenarios.all.Select(scenario => new LearningScenario(scenario))];

    /// <summary>The scenario of a name.</summary>
    /// <exception cref="ArgumentException">There is none of that name: the message lists those there are.</exception>
    public static LearningScenario Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var result = Agents.Scenarios.find(name);
        return result.IsOk ? new(result.ResultValue) : throw new ArgumentException(result.ErrorValue, nameof(name));
    }

    /// <summary>The scenario of a name, if there is one.</summary>
    public static bool TryFind(string name, [NotNullWhen(true)] out LearningScenario? scenario)
    {
        ArgumentNullException.ThrowIfNull(name);
        scenario = All.FirstOrDefault(candidate => candidate.Name == name);
        return scenario is not null;
    }
}
