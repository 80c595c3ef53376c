using System.Diagnostics.CodeAnalysis;

namespace Research.ModelBased;

/// <summary>The systems that come with the library, by name.</summary>
public static class Environments
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<ControlEnvironment> All { get; } =
        [.. Research.Environments.Environments.all.Select(environment => new ControlEnvironment(environment))];

    /// <summary>The environment of a name.</summary>
    /// <exception cref="ArgumentException">There is none of that name: the message lists those there are.</exception>
    public static ControlEnvironment Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var result = Research.Environments.Environments.find(name);
        return result.IsOk ? new(result.ResultValue) : throw new ArgumentException(result.ErrorValue, nameof(name));
    }

    /// <summary>The environment of a name, if there is one.</summary>
    public static bool TryFind(string name, [NotNullWhen(true)] out ControlEnvironment? environment)
    {
        ArgumentNullException.ThrowIfNull(name);
        environment = All.FirstOrDefault(candidate => candidate.Name == name);
        return environment is not null;
    }
}
