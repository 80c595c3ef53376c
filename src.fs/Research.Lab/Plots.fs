namespace Research.Lab

open System
open ScottPlot

/// What the machine lets plots be.
type PlotSupport =
    | Whole
    /// there is no font
    | WithoutText
    /// the drawing library cannot be loaded
    | Unavailable of reason: string

/// Plots of a run as PNG, by ScottPlot.
[<RequireQualifiedAccess>]
module Plots =

    let private blue = Color.FromHex "#2f6fde"
    let private orange = Color.FromHex "#e07a1f"
    let private grey = Color.FromHex "#9aa3ae"

    /// A sans-serif font that is installed, the first that is of a list.
    let private font =
        lazy
            ([
                "Inter"
                "Segoe UI"
                "Helvetica Neue"
                "DejaVu Sans"
                "Liberation Sans"
                "Arial"
             ]
             |> List.tryFind (fun name ->
                 use style = SkiaSharp.SKFontManager.Default.MatchFamily name
                 not (isNull style)))

    let private dress (plot: Plot) (title: string) (xLabel: string) =
        plot.Title(title, Nullable 16f)
        plot.XLabel(xLabel, Nullable 12f)
        plot.Axes.Left.TickLabelStyle.FontSize <- 12f
        plot.Axes.Bottom.TickLabelStyle.FontSize <- 12f
        plot.Axes.Right.FrameLineStyle.IsVisible <- false
        plot.Axes.Right.MinimumSize <- 22f
        plot.Axes.Top.FrameLineStyle.IsVisible <- false
        plot.Grid.MajorLineColor <- Color.FromHex "#e8eaed"
        plot.FigureBackground.Color <- Colors.White
        font.Value |> Option.iter (fun name -> plot.Font.Set(name) |> ignore)

    let private line (plot: Plot) (xs: float[]) (ys: float[]) (colour: Color) (isHeld: bool) =
        let scatter = plot.Add.ScatterLine(xs, ys, Nullable colour)
        scatter.LineWidth <- 2f

        if isHeld then
            scatter.ConnectStyle <- ConnectStyle.StepHorizontal

    let private bound (plot: Plot) (value: float) =
        if Double.IsFinite value then
            let line = plot.Add.HorizontalLine(value, 1.5f, Nullable grey)
            line.LinePattern <- LinePattern.Dashed

    let private series (timeStep: float) (isHeld: bool) (colour: Color) (series: Series) (plot: Plot) =
        let title =
            if series.Unit = "" then
                series.Name
            else
                $"{series.Name} [{series.Unit}]"

        dress plot title "time [s]"

        let values =
            if isHeld then
                Array.append series.Values [| Array.last series.Values |]
            else
                series.Values

        let times = Array.init values.Length (fun i -> float i * timeStep)
        line plot times values colour isHeld

        series.Bounds
        |> Option.iter (fun (low, high) ->
            bound plot low
            bound plot high)

    /// Values on a logarithmic axis where all that count are positive, else on a linear one.
    let private byIteration
        (title: string)
        (iterations: IterationRecord[])
        (value: IterationRecord -> float)
        (plot: Plot)
        =
        dress plot title "iteration"

        let points =
            iterations
            |> Array.map (fun iteration -> float iteration.Number, value iteration)
            |> Array.filter (fun (_, y) -> Double.IsFinite y)

        let positive = points |> Array.filter (fun (_, y) -> y > 0.0)
        let isLog = Run.suitsLogarithm (Array.map snd points)

        let shown =
            if isLog then
                positive |> Array.map (fun (x, y) -> x, log10 y)
            else
                points

        if shown.Length > 0 then
            let scatter =
                plot.Add.Scatter(Array.map fst shown, Array.map snd shown, Nullable blue)

            scatter.LineWidth <- 2f
            scatter.MarkerSize <- 5f

        plot.Axes.SetLimitsX(0.0, float iterations.Length + 1.0)

        if isLog then
            let ys = Array.map snd positive
            let ticks = Chart.logTicks (0.7 * Array.min ys) (1.4 * Array.max ys)
            plot.Axes.Left.SetTicks(Array.map log10 ticks, Array.map (Show.number 3) ticks)

    let private sheet (columns: int) (draw: (Plot -> unit) list) =
        let multiplot = Multiplot()
        multiplot.AddPlots draw.Length
        let rows = (draw.Length + columns - 1) / columns
        multiplot.Layout <- MultiplotLayouts.Grid(rows, columns)
        draw |> List.iteri (fun i draw -> draw (multiplot.GetPlot i))
        use image = multiplot.Render(560 * columns, 280 * rows)
        image.GetImageBytes(ImageFormat.Png, 100)

    /// What plots will be like here.
    let support () : PlotSupport =
        try
            if SkiaSharp.SKFontManager.Default.FontFamilyCount > 0 then
                Whole
            else
                WithoutText
        with
        | :? TypeInitializationException
        | :? DllNotFoundException as fault -> Unavailable((fault.GetBaseException().Message.Split '.')[0])

    /// States and controls over time, with their bounds.
    let trajectories (run: Run) : byte[] =
        [
            for state in run.States -> series run.TimeStep false blue state
            for control in run.Controls -> series run.TimeStep true orange control
        ]
        |> sheet 2

    /// Cost, gradient and regularisation by iteration, on logarithmic axes.
    let convergence (run: Run) : byte[] =
        [
            byIteration "cost" run.Iterations _.Cost
            byIteration "gradient" run.Iterations _.Gradient
            byIteration "regularisation" run.Iterations _.Regularisation
            if Run.hasViolations run then
                byIteration "violation" run.Iterations _.Violation
            else
                byIteration "step" run.Iterations _.Step
        ]
        |> sheet 2
