namespace Research

open System

/// Traced functions tried on variables of the sizes that were stated for them: where one returns or reads what is not there, that is said where
/// the function is stated, by name and number.
[<RequireQualifiedAccess>]
module Signature =

    /// How much longer arguments are, to see what a function reads that reads too far.
    let private longer = 64

    /// Variables of each argument's name and size, and what the function makes of them. An exception that names the element where the function
    /// reads one that an argument does not have; other exceptions are its own.
    let trace (what: string) (arguments: (string * int) list) (f: Vec list -> Vec) : Vec list * Vec =
        let variables extra =
            arguments |> List.map (fun (name, size) -> Real.variables name (size + extra))

        let given = variables 0

        try
            given, f given
        with :? IndexOutOfRangeException as failure ->
            let spare = variables longer

            let read =
                try
                    Trace.order (f spare)
                with _ ->
                    [||]

            let beyond =
                List.zip arguments spare
                |> List.tryPick (fun ((name, size), vector) ->
                    vector[size..]
                    |> Array.tryFindIndex (fun element ->
                        read |> Array.exists (fun node -> obj.ReferenceEquals(node, element)))
                    |> Option.map (fun k -> name, size, size + k))

            match beyond with
            | Some(name, size, k) ->
                raise (ArgumentException($"{name}[{k}] is read by {what}, and {name} has {size} numbers", "f", failure))
            | None -> reraise ()
