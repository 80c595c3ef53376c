using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Expecto;
using Expecto.CSharp;
using Research.ModelBased;

namespace FacadeTests;

/// <summary>What callers can see of the facade: nothing of F#, and all of it documented.</summary>
public static class SurfaceTests
{
    private const BindingFlags Everything =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Assembly Facade = typeof(Real).Assembly;

    [Tests]
    public static Test All { get; } = Runner.TestList("Surface",
    [
        Runner.TestCase("is large enough to be the whole facade", () =>
            Expected.True(Facade.GetExportedTypes().Length > 80, $"{Facade.GetExportedTypes().Length} public types are found")),

        Runner.TestCase("shows no type of F#, of the F# assemblies, or of any other library", () =>
        {
            var foreign = Facade.GetExportedTypes().SelectMany(Foreign).Distinct().ToArray();
            Expected.True(foreign.Length == 0, $"foreign types in the public surface:\n  {string.Join("\n  ", foreign)}");
        }),

        Runner.TestCase("is walked by a search that finds what it looks for", () =>
        {
            string[] places =
                ["base", "interface", "field", "property", "parameter", "return", "generic argument", "constraint", "attribute", "event", "nested"];
            var found = string.Join("\n", new[] { typeof(Leaky<>), typeof(Leaky<>.Inner) }.SelectMany(Foreign));
            foreach (var place in places) Expected.True(found.Contains($" {place}:"), $"'{place}' is not found in\n{found}");
        }),

        Runner.TestCase("is documented", () =>
        {
            var file = XDocument.Load(Path.ChangeExtension(Facade.Location, ".xml"));
            var documented = file.Descendants("member").Where(member => member.Descendants().Any())
                .Select(member => Regex.Replace(member.Attribute("name")!.Value, @"\(.*", "")).ToHashSet();
            var missing = Facade.GetExportedTypes().Where(type => !documented.Contains($"T:{type.FullName}")).ToArray();
            Expected.True(missing.Length == 0, $"no documentation of {string.Join(", ", missing.Select(type => type.Name))}");
        }),
    ]);

    private static bool IsForeign(Type type) =>
        type.Assembly != Facade && type.Assembly != typeof(object).Assembly
        && !Regex.IsMatch(type.Assembly.GetName().Name!, @"^System(\.|$)|^netstandard$");

    /// <summary>The type itself and all that it is made of.</summary>
    private static IEnumerable<Type> Parts(Type type)
    {
        if (type.HasElementType) return Parts(type.GetElementType()!);
        if (type.IsGenericParameter) return type.GetGenericParameterConstraints().SelectMany(Parts);
        return type.IsGenericType ? type.GetGenericArguments().SelectMany(argument => argument == type ? [] : Parts(argument)).Prepend(type) : [type];
    }

    private static bool IsVisible(MethodBase? method) => method is { IsPublic: true } or { IsFamily: true } or { IsFamilyOrAssembly: true };

    private static IEnumerable<string> Foreign(Type type)
    {
        var used = new List<(string Place, Type Type)>();

        void Attributes(IEnumerable<CustomAttributeData> attributes)
        {
            foreach (var attribute in attributes)
            {
                used.Add(("attribute", attribute.AttributeType));
                foreach (var argument in attribute.ConstructorArguments.Concat(attribute.NamedArguments.Select(named => named.TypedValue)))
                {
                    used.Add(("attribute", argument.ArgumentType));
                    if (argument.Value is Type value) used.Add(("attribute", value));
                }
            }
        }

        void Generic(string place, Type use)
        {
            used.Add((place, use));
            foreach (var argument in use.GetGenericArguments()) used.Add(("generic argument", argument));
        }

        void Method(MethodBase method)
        {
            Attributes(method.CustomAttributes);
            foreach (var parameter in method.GetParameters())
            {
                Generic("parameter", parameter.ParameterType);
                Attributes(parameter.CustomAttributes);
                foreach (var modifier in parameter.GetRequiredCustomModifiers()) used.Add(("parameter", modifier));
            }

            if (method.IsGenericMethodDefinition)
                foreach (var argument in method.GetGenericArguments())
                    foreach (var constraint in argument.GetGenericParameterConstraints()) used.Add(("constraint", constraint));
            if (method is MethodInfo { ReturnType: var result } info)
            {
                Generic("return", result);
                Attributes(info.ReturnParameter.CustomAttributes);
            }
        }

        Attributes(type.CustomAttributes);
        for (var parent = type.BaseType; parent is not null; parent = parent.BaseType) Generic("base", parent);
        foreach (var face in type.GetInterfaces()) Generic("interface", face);
        foreach (var argument in type.GetGenericArguments().Where(argument => argument.IsGenericParameter))
            foreach (var constraint in argument.GetGenericParameterConstraints()) used.Add(("constraint", constraint));
        foreach (var field in type.GetFields(Everything).Where(field => field.IsPublic || field.IsFamily || field.IsFamilyOrAssembly))
        {
            Generic("field", field.FieldType);
            Attributes(field.CustomAttributes);
        }

        foreach (var method in type.GetMethods(Everything).Cast<MethodBase>().Concat(type.GetConstructors(Everything)).Where(IsVisible)) Method(method);
        foreach (var property in type.GetProperties(Everything).Where(p => IsVisible(p.GetMethod) || IsVisible(p.SetMethod)))
        {
            Generic("property", property.PropertyType);
            Attributes(property.CustomAttributes);
        }

        foreach (var happening in type.GetEvents(Everything).Where(e => IsVisible(e.AddMethod))) Generic("event", happening.EventHandlerType!);
        foreach (var nested in type.GetNestedTypes(Everything).Where(nested => nested.IsNestedPublic || nested.IsNestedFamily))
            if (IsForeign(nested.BaseType ?? typeof(object))) used.Add(("nested", nested.BaseType!));

        return from use in used
               from part in Parts(use.Type)
               where IsForeign(part) && part.Assembly != typeof(SurfaceTests).Assembly
               select $"{type.Name} {use.Place}: {part.FullName} of {part.Assembly.GetName().Name}";
    }

    /// <summary>A type that shows F# in every way.</summary>
    [Microsoft.FSharp.Core.NoComparison]
    private abstract class Leaky<T> : ExpectoException, IComparable<Test>
        where T : Test
    {
        public Test? Field = null;

        public event Action<Test>? Event;

        public Test? Property { get; set; }

        protected Leaky(string message)
            : base(message)
        {
        }

        public Test[] Return(IReadOnlyList<Test> parameter) => [.. parameter];

        public int CompareTo(Test? other) => 0;

        protected void Raise(Test test) => Event?.Invoke(test);

        public sealed class Inner(string message) : ExpectoException(message);
    }
}
