module Research.Tests.Main

open Expecto

[<EntryPoint>]
let main arguments =
    runTestsInAssemblyWithCLIArgs [] arguments
