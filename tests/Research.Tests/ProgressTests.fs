module Research.Tests.ProgressTests

open System
open Expecto
open Research.Lab
open Research.Tests.SampleRun

[<Tests>]
let tests =
    testList
        "Progress"
        [
            test "work that lasts gives its result, and its exceptions as they are" {
                let slow () = System.Threading.Thread.Sleep 400

                let result =
                    Progress.run Shown (fun report ->
                        report ordinary.Iterations[0]
                        slow ()
                        42)

                Expect.equal result 42 "the result"

                Expect.throwsT<InvalidTimeZoneException>
                    (fun () ->
                        Progress.run Shown (fun _ ->
                            slow ()
                            raise (InvalidTimeZoneException())))
                    "late"

                Expect.throwsT<InvalidTimeZoneException>
                    (fun () -> Progress.run Shown (fun _ -> raise (InvalidTimeZoneException())))
                    "early"
            }
        ]
