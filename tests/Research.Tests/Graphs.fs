/// Random expression graphs, as data: traced through the public operators, or computed on numbers step by step with nothing simplified.
module Research.Tests.Graphs

open System
open FsCheck
open FsCheck.FSharp
open Research

/// A condition on earlier values.
type Test =
    | Compare of Op * int * int
    | Not of Test
    | Both of Test * Test
    | Either of Test * Test

/// A step computes from earlier values, inputs first.
type Step =
    | Number of float
    | One of Op * int
    | Two of Op * int * int
    /// where the test holds then c else d
    | Choose of Test * int * int

/// The outputs are the last values.
type Graph =
    {
        Inputs: int
        Outputs: int
        Steps: Step[]
    }

let private applyOne op : Real -> Real =
    match op with
    | Op.Neg -> (~-)
    | Op.Abs -> abs
    | Op.Sign -> Real.sign
    | Op.Sqrt -> sqrt
    | Op.Exp -> exp
    | Op.Log -> log
    | Op.Log1p -> Real.log1p
    | Op.Expm1 -> Real.expm1
    | Op.Sin -> sin
    | Op.Cos -> cos
    | Op.Tan -> tan
    | Op.Asin -> asin
    | Op.Acos -> acos
    | Op.Atan -> atan
    | Op.Sinh -> sinh
    | Op.Cosh -> cosh
    | Op.Tanh -> tanh
    | Op.Sigmoid -> Real.sigmoid
    | Op.Softplus -> Real.softplus
    | Op.Erf -> Real.erf
    | _ -> failwith $"{op} takes no single argument"

let private applyTwo op (a: Real) (b: Real) : Real =
    match op with
    | Op.Add -> a + b
    | Op.Sub -> a - b
    | Op.Mul -> a * b
    | Op.Div -> a / b
    | Op.Pow -> a ** b
    | Op.Atan2 -> atan2 a b
    | Op.Hypot -> Real.hypot a b
    | Op.Min -> Real.min a b
    | Op.Max -> Real.max a b
    | _ -> failwith $"{op} does not take two arguments"

let rec private condition (values: Collections.Generic.List<Real>) (test: Test) : Condition =
    match test with
    | Compare(Op.Less, a, b) -> values[a] .< values[b]
    | Compare(Op.LessEqual, a, b) -> values[a] .<= values[b]
    | Compare(Op.Equal, a, b) -> values[a] .= values[b]
    | Compare(op, _, _) -> failwith $"{op} is no comparison"
    | Not test -> Condition.op_LogicalNot (condition values test)
    | Both(s, t) -> condition values s &&& condition values t
    | Either(s, t) -> condition values s ||| condition values t

/// Whether a test holds, by what a comparison says of two values.
let rec holds (compare: Op -> int -> int -> bool) (test: Test) : bool =
    match test with
    | Compare(op, a, b) -> compare op a b
    | Not test -> not (holds compare test)
    // both sides are looked at
    | Both(s, t) -> List.forall id [ holds compare s; holds compare t ]
    | Either(s, t) -> List.exists id [ holds compare s; holds compare t ]

let private outputs graph (values: 'a[]) =
    values[values.Length - graph.Outputs ..]

/// The graph as a traced function.
let trace (graph: Graph) (x: Vec) : Vec =
    let values = Collections.Generic.List<Real>(x)

    for step in graph.Steps do
        values.Add(
            match step with
            | Number value -> Real.constant value
            | One(op, a) -> applyOne op values[a]
            | Two(op, a, b) -> applyTwo op values[a] values[b]
            | Choose(test, c, d) -> Real.where (condition values test) values[c] values[d]
        )

    outputs graph (values.ToArray())

/// Every value of the graph at a point, by the definition of each operation.
let values (graph: Graph) (x: float[]) : float[] =
    let values = Collections.Generic.List<float>(x)

    for step in graph.Steps do
        values.Add(
            match step with
            | Number value -> value
            | One(op, a) -> Operation.evaluate op values[a] 0.0 0.0
            | Two(op, a, b) -> Operation.evaluate op values[a] values[b] 0.0
            | Choose(test, c, d) ->
                if
                    test
                    |> holds (fun op a b -> Operation.evaluate op values[a] values[b] 0.0 <> 0.0)
                then
                    values[c]
                else
                    values[d]
        )

    values.ToArray()

/// The outputs of the graph at a point, by the definition of each operation.
let raw (graph: Graph) (x: float[]) : float[] = outputs graph (values graph x)

/// A graph and a point at which to look at it.
type Case =
    {
        Graph: Graph
        Point: float[]
        /// a direction in the space of the inputs
        Along: float[]
        /// weights of the outputs
        Weights: float[]
    }

/// What steps are made of.
type Choice =
    {
        Ones: Op[]
        Twos: Op[]
        Comparisons: Op[]
        Numbers: float[]
    }

let everything =
    {
        Ones =
            [|
                Op.Neg
                Op.Neg
                Op.Neg
                Op.Abs
                Op.Sign
                Op.Sqrt
                Op.Exp
                Op.Log
                Op.Log1p
                Op.Expm1
                Op.Sin
                Op.Cos
                Op.Tan
                Op.Asin
                Op.Acos
                Op.Atan
                Op.Sinh
                Op.Cosh
                Op.Tanh
                Op.Sigmoid
                Op.Softplus
                Op.Erf
            |]
        Twos = [| Op.Add; Op.Sub; Op.Mul; Op.Div; Op.Pow; Op.Atan2; Op.Hypot; Op.Min; Op.Max |]
        Comparisons = [| Op.Less; Op.LessEqual; Op.Equal |]
        Numbers = [| 0.0; 1.0; -1.0; 0.5; 3.0; nan; infinity; -infinity |]
    }

let private smooth =
    {
        Ones = [| Op.Neg; Op.Sin; Op.Cos; Op.Atan; Op.Tanh; Op.Sigmoid; Op.Softplus; Op.Erf |]
        Twos = [| Op.Add; Op.Sub; Op.Mul; Op.Mul |]
        Comparisons = [||]
        Numbers = [| 0.0; 1.0; -1.0; 0.5; -1.5 |]
    }

let private kinked =
    { smooth with
        Ones = Array.append smooth.Ones [| Op.Abs; Op.Sign |]
        Twos = Array.append smooth.Twos [| Op.Min; Op.Max |]
        Comparisons = everything.Comparisons
    }

/// How many numbers decode into a step.
let codesOfStep = 10

/// Decodes numbers into steps; an argument is a recent value more often than not, so that values are used many times and graphs are deep.
let decode (choice: Choice) (inputs: int) (outputs: int) (codes: int[]) : Graph =
    let step i =
        let code k = codes[codesOfStep * i + k]
        let known = inputs + i

        let argument k =
            let c = code k

            if c % 3 = 0 then
                c / 3 % known
            else
                known - 1 - (c / 3 % min known 4)

        let pick (ops: 'a[]) = ops[code 1 % ops.Length]

        match code 0 % 10 with
        | 0 -> Number(pick choice.Numbers)
        | 1
        | 2
        | 3 -> One(pick choice.Ones, argument 2)
        | 4 when choice.Comparisons.Length > 0 ->
            let compare k =
                Compare(choice.Comparisons[code k % choice.Comparisons.Length], argument (k + 1), argument (k + 2))

            let test =
                match code 1 % 5 with
                | 0 -> Not(compare 2)
                | 1 -> Both(compare 2, compare 5)
                | 2 -> Either(compare 2, Not(compare 5))
                | _ -> compare 2

            Choose(test, argument 8, argument 9)
        | _ -> Two(pick choice.Twos, argument 2, argument 3)

    {
        Inputs = inputs
        Outputs = outputs
        Steps = Array.init (codes.Length / codesOfStep) step
    }

let private case choice (points: Gen<float>) =
    gen {
        let! inputs = Gen.choose (1, 4)
        let! outputs = Gen.choose (1, 3)
        let! size = Gen.choose (4, 24)
        let! codes = Gen.arrayOfLength (codesOfStep * size) (Gen.choose (0, 1 <<< 20))
        let! point = Gen.arrayOfLength inputs points
        let! along = Gen.arrayOfLength inputs (Gen.choose (-100, 100))
        let! weights = Gen.arrayOfLength outputs (Gen.choose (-100, 100))
        let percent = Array.map (fun (k: int) -> float k / 100.0)

        return
            {
                Graph = decode choice inputs outputs codes
                Point = point
                Along = percent along
                Weights = percent weights
            }
    }

let private shorter (case: Case) =
    let steps = case.Graph.Steps

    seq {
        for kept in [ steps.Length / 2; steps.Length - 1 ] do
            if kept >= case.Graph.Outputs && kept < steps.Length then
                { case with
                    Case.Graph.Steps = Array.take kept steps
                }
    }

/// A graph of every operation, at points that may be zero, infinite or not a number.
type Wild = Wild of Case

/// A graph of smooth operations, at a point where its values stay moderate.
type Smooth = Smooth of Case

/// A graph of smooth operations and of choices between them, at a point where its values stay moderate.
type Kinked = Kinked of Case

let private moderate = 8.0

let private isModerate case =
    values case.Graph case.Point |> Array.forall (fun v -> abs v <= moderate)

/// Generators for FsCheck.
type Generators =
    static member Wild() : Arbitrary<Wild> =
        let special = Gen.elements [ 0.0; 1.0; -1.0; 2.0; nan; infinity; -infinity ]
        let plain = Gen.choose (-300, 300) |> Gen.map (fun k -> float k / 100.0)
        let points = Gen.frequency [ 2, special; 3, plain ]
        Arb.fromGenShrink (case everything points |> Gen.map Wild, (fun (Wild c) -> shorter c |> Seq.map Wild))

    static member Smooth() : Arbitrary<Smooth> =
        let points = Gen.choose (-150, 150) |> Gen.map (fun k -> float k / 100.0)
        let cases = case smooth points |> Gen.filter isModerate |> Gen.map Smooth
        Arb.fromGenShrink (cases, (fun (Smooth c) -> shorter c |> Seq.map Smooth))

    static member Kinked() : Arbitrary<Kinked> =
        let points = Gen.choose (-3, 3) |> Gen.map (fun k -> float k / 2.0)
        let cases = case kinked points |> Gen.filter isModerate |> Gen.map Kinked
        Arb.fromGenShrink (cases, (fun (Kinked c) -> shorter c |> Seq.map Kinked))

/// Expecto's settings with these generators.
let config =
    { Expecto.FsCheckConfig.defaultConfig with
        maxTest = 300
        arbitrary = [ typeof<Generators> ]
    }
