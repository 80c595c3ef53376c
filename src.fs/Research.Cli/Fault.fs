namespace Research.Cli

open System
open System.IO

/// Exit codes.
[<RequireQualifiedAccess>]
module Exit =

    /// solved to the tolerances; at the goal in the end; every case passed
    let success = 0

    /// the solver stopped short of its tolerances; not at the goal; a case failed
    let failure = 1

    /// a wrong command line, or a file that cannot be read or holds no case
    let usage = 2

    /// a file could not be written
    let output = 3

    /// an error of this program itself
    let fault = 4

    /// stopped by Ctrl-C or SIGTERM; what was found so far is written
    let interrupted = 130

/// Why a command ends without a result: its exit code, and one line that says what was wrong, where, and what would be right.
type Fault = { Code: int; Message: string }

/// Ways to fail.
[<RequireQualifiedAccess>]
module Fault =

    /// A wrong command line.
    let usage (message: string) : Result<'a, Fault> =
        Error { Code = Exit.usage; Message = message }

    /// A file that cannot be written.
    let output (message: string) : Result<'a, Fault> =
        Error
            {
                Code = Exit.output
                Message = message
            }

    /// What an exception that nothing handled means for who typed the command.
    let ofException (failure: exn) : Fault =
        match failure with
        | :? OperationCanceledException ->
            {
                Code = Exit.interrupted
                Message = "interrupted before there was anything to write."
            }
        | :? OutOfMemoryException ->
            {
                Code = Exit.usage
                Message = "this takes more memory than there is: ask for fewer steps or iterations."
            }
        | :? IOException
        | :? UnauthorizedAccessException ->
            {
                Code = Exit.output
                Message = $"the output cannot be written: {failure.Message}"
            }
        | _ ->
            {
                Code = Exit.fault
                Message =
                    $"this is a fault of the program; please report it with the command that you typed: {failure.GetType().Name}: {failure.Message}"
            }
