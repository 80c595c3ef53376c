namespace Research.ModelBased;

/// <summary>
/// A well-posed problem turned out to have no solution of the kind that was asked for. Every method that throws it has a twin that begins
/// with Try and says so by its result.
/// </summary>
/// <param name="message">Why there is none.</param>
public sealed class NoSolutionException(string message) : Exception(message);
