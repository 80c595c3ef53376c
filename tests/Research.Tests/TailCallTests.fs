module Research.Tests.TailCallTests

open System
open System.IO
open System.Reflection.Emit
open System.Reflection.Metadata
open System.Reflection.PortableExecutable
open Expecto

/// All instructions by their code, those of two bytes by 0xFE00 and their second.
let private instructions =
    typeof<OpCodes>.GetFields()
    |> Array.map (fun field -> unbox<OpCode>(field.GetValue null))
    |> Array.map (fun code -> int (uint16 code.Value), code)
    |> dict

/// Calls with the prefix `tail.` in the code of a method.
let private tailCalls (code: byte[]) : int =
    let mutable at, count = 0, 0

    while at < code.Length do
        let isLong = code[at] = 0xFEuy

        let instruction =
            instructions[if isLong then 0xFE00 + int code[at + 1] else int code[at]]

        at <- at + instruction.Size

        if instruction = OpCodes.Tailcall then
            count <- count + 1

        at <-
            at
            + match instruction.OperandType with
              | OperandType.InlineNone -> 0
              | OperandType.ShortInlineBrTarget
              | OperandType.ShortInlineI
              | OperandType.ShortInlineVar -> 1
              | OperandType.InlineVar -> 2
              | OperandType.InlineI8
              | OperandType.InlineR -> 8
              | OperandType.InlineSwitch -> 4 + 4 * BitConverter.ToInt32(code, at)
              | _ -> 4

    count

let private offenders (assembly: string) : string list =
    use file = File.OpenRead assembly
    use image = new PEReader(file)
    let metadata = image.GetMetadataReader()

    [
        for handle in metadata.MethodDefinitions do
            let method = metadata.GetMethodDefinition handle

            if method.RelativeVirtualAddress > 0 then
                let body = image.GetMethodBody method.RelativeVirtualAddress

                if tailCalls (nonNull (body.GetILBytes())) > 0 then
                    let owner = metadata.GetTypeDefinition(method.GetDeclaringType())
                    $"{metadata.GetString owner.Name}.{metadata.GetString method.Name}"
    ]

[<Tests>]
let tests =
    testList
        "TailCalls"
        [
            // .NET 10.0: what such a call passes in the runtime's buffer is not updated when a collection moves arrays, and results are lost
            test "no method makes a call in last place through the runtime's buffer" {
                let assemblies = Directory.GetFiles(AppContext.BaseDirectory, "Research.*.dll")
                Expect.isGreaterThan assemblies.Length 5 "assemblies"

                for assembly in assemblies do
                    Expect.isEmpty (offenders assembly) assembly
            }

            test "the prefix is found where it is" {
                let code =
                    [| 0x1Fuy; 7uy; 0x26uy; 0xFEuy; 0x14uy; 0x28uy; 1uy; 0uy; 0uy; 6uy; 0x2Auy |]

                Expect.equal (tailCalls code) 1 "ldc.i4.s 7; pop; tail. call; ret"
                Expect.equal (tailCalls [| 0x1Fuy; 0xFEuy; 0x26uy; 0x2Auy |]) 0 "the number −2"
            }
        ]
