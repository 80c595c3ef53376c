namespace Research.Lab

open System
open System.IO
open System.Text
open System.Text.Json
open Research

/// Pictures of a motion from the scene of its system: frames for a player, and an animated SVG that needs none.
[<RequireQualifiedAccess>]
module Motion =

    /// Frames of a player at most: more are not seen.
    let private maxFrames = 400

    /// Poses that stay visible behind the moving one in the animated SVG.
    let private ghosts = 12

    /// Frames of the animated SVG at most.
    let private maxSvgFrames = 120

    /// Steps of a run that are shown, evenly from the first to the last, as far as the states are finite.
    let private shown (most: int) (run: Run) : int[] =
        let isFinite step =
            run.StateAt step |> Array.forall Double.IsFinite

        let last =
            seq { 0 .. run.Horizon }
            |> Seq.takeWhile isFinite
            |> Seq.length
            |> fun count -> count - 1

        let count = min most (last + 1)

        if count < 2 then
            [| 0 |]
        else
            Array.init count (fun i -> int (Math.Round(float i * float last / float (count - 1))))

    let private inkName (ink: Ink) =
        match ink with
        | Body -> "body"
        | Limb -> "limb"
        | Ground -> "ground"
        | Goal -> "goal"

    let private inkOf (shape: Shape) =
        match shape with
        | Segment(ink, _, _, _)
        | Disc(ink, _, _)
        | Box(ink, _, _, _, _) -> ink

    let private corners (x: float, y: float) (width: float) (height: float) (angle: float) =
        let c, s = cos angle, sin angle

        [ -1.0, -1.0; 1.0, -1.0; 1.0, 1.0; -1.0, 1.0 ]
        |> List.map (fun (i, j) ->
            let a, b = i * width / 2.0, j * height / 2.0
            x + c * a - s * b, y + s * a + c * b)

    let private extent (shape: Shape) =
        match shape with
        | Segment(_, _, a, b) -> [ a; b ]
        | Disc(_, (x, y), r) -> [ x - r, y - r; x + r, y + r ]
        | Box(_, centre, width, height, angle) -> corners centre width height angle

    /// The part of the plane to show: that of the scene, widened to what moves, but to no more than four times its size.
    let private view (run: Run) (poses: Shape list[]) =
        let points =
            poses
            |> Seq.concat
            |> Seq.filter (fun shape -> inkOf shape <> Ground)
            |> Seq.collect extent
            |> Seq.toArray

        let widened (low: float, high: float) (values: float[]) =
            let room = 1.5 * (high - low)
            let margin = 0.03 * (high - low)
            let finite = values |> Array.filter Double.IsFinite

            if finite.Length = 0 then
                low, high
            else
                let least, most = Array.min finite, Array.max finite

                (if least < low then
                     max (least - margin) (low - room)
                 else
                     low),
                (if most > high then
                     min (most + margin) (high + room)
                 else
                     high)

        widened run.Scene.XRange (Array.map fst points), widened run.Scene.YRange (Array.map snd points)

    let private poses (most: int) (run: Run) =
        let steps = shown most run
        steps, steps |> Array.map (fun step -> run.Scene.Shapes(run.StateAt step))

    /// The frames as JSON for the player of the report: the view, the step of each frame, and for each frame its shapes as
    /// [kind, ink, numbers …].
    let toJson (run: Run) : string =
        let steps, frames = poses maxFrames run
        let (x0, x1), (y0, y1) = view run frames
        use stream = new MemoryStream()

        do
            use writer = new Utf8JsonWriter(stream)

            let number (x: float) =
                writer.WriteNumberValue(if Double.IsFinite x then Math.Round(x, 4) else 0.0)

            let numbers (name: string) (xs: float list) =
                writer.WriteStartArray name
                List.iter number xs
                writer.WriteEndArray()

            writer.WriteStartObject()
            numbers "view" [ x0; x1; y0; y1 ]
            writer.WriteNumber("timeStep", run.TimeStep)
            writer.WriteNumber("horizon", run.Horizon)
            writer.WriteStartArray "events"

            for time, what in run.Events do
                writer.WriteStartArray()
                number time
                writer.WriteStringValue what
                writer.WriteEndArray()

            writer.WriteEndArray()
            numbers "steps" (steps |> Seq.map float |> Seq.toList)
            writer.WriteStartArray "frames"

            for frame in frames do
                writer.WriteStartArray()

                for shape in frame do
                    writer.WriteStartArray()

                    let kind, values =
                        match shape with
                        | Segment(_, width, (ax, ay), (bx, by)) -> "segment", [ width; ax; ay; bx; by ]
                        | Disc(_, (x, y), radius) -> "disc", [ x; y; radius ]
                        | Box(_, (x, y), width, height, angle) -> "box", [ x; y; width; height; angle ]

                    writer.WriteStringValue kind
                    writer.WriteStringValue(inkName (inkOf shape))
                    List.iter number values
                    writer.WriteEndArray()

                writer.WriteEndArray()

            writer.WriteEndArray()
            writer.WriteEndObject()

        Encoding.UTF8.GetString(stream.ToArray())

    let private style =
        "svg{--body:#2f6fde;--limb:#e07a1f;--ground:#9aa3ae;--goal:#1f9d6b}"
        + "@media(prefers-color-scheme:dark){svg{--body:#6ea8ff;--limb:#ffa657;--ground:#6b7480;--goal:#4cc38a}}"
        + ".body{fill:var(--body);stroke:var(--body)}.limb{fill:var(--limb);stroke:var(--limb)}"
        + ".ground{fill:var(--ground);stroke:var(--ground)}.goal{fill:var(--goal);stroke:var(--goal);opacity:.45}"
        + "line{stroke-linecap:round}polygon{stroke-width:0}circle{stroke-width:0}"

    /// The motion as an SVG that plays by itself, over still poses along the way, and follows light and dark mode. A viewer that plays
    /// nothing shows those poses.
    let toSvg (run: Run) : string =
        let _, frames = poses maxSvgFrames run
        let (x0, x1), (y0, y1) = view run frames
        let scale = 720.0 / (x1 - x0)
        let length = float run.Horizon * run.TimeStep
        let pauseFrames = max 1 (int (Math.Ceiling(0.8 / length * float frames.Length)))
        let duration = length * (1.0 + float pauseFrames / float frames.Length)
        let text (x: float) = (Math.Round(x, 1)).ToString()
        let px (x: float) = text (scale * (x - x0))
        let py (y: float) = text (scale * (y1 - y))
        let size (x: float) = text (scale * x)

        // name of the element, attributes that stay, attributes that move
        let element shape =
            match shape with
            | Segment(_, width, (ax, ay), (bx, by)) ->
                "line", [ "stroke-width", size width ], [ "x1", px ax; "y1", py ay; "x2", px bx; "y2", py by ]
            | Disc(_, (x, y), radius) -> "circle", [ "r", size radius ], [ "cx", px x; "cy", py y ]
            | Box(_, centre, width, height, angle) ->
                let points =
                    corners centre width height angle
                    |> List.map (fun (x, y) -> $"{px x},{py y}")
                    |> String.concat " "

                "polygon", [], [ "points", points ]

        let opening shape =
            let name, fixedOnes, moving = element shape

            let attributes =
                fixedOnes @ moving
                |> List.map (fun (name, value) -> $" {name}=\"{value}\"")
                |> String.concat ""

            $"<{name} class=\"{inkName (inkOf shape)}\"{attributes}"

        let svg = StringBuilder()
        let add (line: string) = svg.Append(line).Append('\n') |> ignore
        let label = Net.WebUtility.HtmlEncode $"{run.Problem}: {run.Summary}"

        add
            $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 {text (scale * (y1 - y0))}\" role=\"img\" aria-label=\"{label}\">"

        add $"<style>{style}</style>"

        let still, moving =
            List.indexed frames[0]
            |> List.partition (fun (i, shape) -> frames |> Array.forall (fun frame -> frame[i] = shape))

        for _, shape in still do
            add $"{opening shape}/>"

        for ghost in 0 .. ghosts - 1 do
            let frame = frames[ghost * (frames.Length - 1) / (ghosts - 1)]
            add "<g opacity=\".13\">"

            for i, _ in moving do
                add $"{opening frame[i]}/>"

            add "</g>"

        for i, shape in moving do
            let name, _, attributes = element shape
            add $"{opening shape}>"

            for j in 0 .. attributes.Length - 1 do
                let value (frame: Shape list) =
                    let _, _, attributes = element frame[i]
                    snd attributes[j]

                let values =
                    Seq.append frames (Seq.replicate pauseFrames (Array.last frames))
                    |> Seq.map value
                    |> String.concat ";"

                add
                    $"<animate attributeName=\"{fst attributes[j]}\" dur=\"{text duration}s\" repeatCount=\"indefinite\" values=\"{values}\"/>"

            add $"</{name}>"

        add "</svg>"
        svg.ToString()
