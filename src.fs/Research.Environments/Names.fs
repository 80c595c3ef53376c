namespace Research.Environments

/// Look-up by name, with an answer to a wrong one that helps.
[<RequireQualifiedAccess>]
module Names =

    /// Letters to put in, take out or change to get from one word to the other (Levenshtein 1966).
    let private distance (a: string) (b: string) =
        let row = Array.init (b.Length + 1) id

        for i in 1 .. a.Length do
            let mutable diagonal = row[0]
            row[0] <- i

            for j in 1 .. b.Length do
                let above = row[j]
                let change = if a[i - 1] = b[j - 1] then 0 else 1
                row[j] <- min (diagonal + change) (1 + min above row[j - 1])
                diagonal <- above

        row[b.Length]

    /// The question whether the name that is nearest to a word was meant, with a space before it; nothing where each differs in more than three
    /// letters, or in more than half of the word. Upper and lower case are one.
    let guess (word: string) (names: string list) : string =
        let away (name: string) =
            distance (word.ToLowerInvariant()) (name.ToLowerInvariant())

        match names with
        | [] -> ""
        | _ ->
            let nearest = List.minBy away names

            if away nearest <= min 3 (word.Length / 2) then
                $" Did you mean '{nearest}'?"
            else
                ""

    /// The item of a name, or a sentence with the names there are and the one that was perhaps meant; `what` is an item in words.
    let find (what: string) (nameOf: 'a -> string) (items: 'a list) (name: string) : Result<'a, string> =
        match items |> List.tryFind (fun item -> nameOf item = name) with
        | Some found -> Ok found
        | None ->
            let names = List.map nameOf items
            let known = String.concat ", " names
            Error $"There is no {what} called '{name}'.{guess name names} Known: {known}."
