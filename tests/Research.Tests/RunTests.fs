module Research.Tests.RunTests

open Expecto
open Research.Lab

[<Tests>]
let tests =
    testList
        "Run"
        [
            test "numbers are shown with the digits asked for" {
                Expect.equal (Show.number 4 3.14159265) "3.142" "plain"
                Expect.equal (Show.number 3 -1.23456e-9) "-1.23e-9" "small"
                Expect.equal (Show.number 3 nan) "NaN" "not a number"
                Expect.equal (Show.seconds 0.0123) "12.3 ms" "a time"
            }
        ]
