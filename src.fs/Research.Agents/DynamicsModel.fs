namespace Research.Agents

open System.Threading
open Research
open Research.Models

/// What rollouts teach about the dynamics: a Gaussian process of differences of the state, sparse where there are many data.
type DynamicsModel =
    {
        Hyperparameters: Hyperparameters[]
        /// [k, d]; none where all data speak
        Inducing: float[,]
        Moments: MomentMap
    }

/// How a model is trained, and what with.
type DynamicsTraining =
    {
        /// iterations for the hyperparameters of one output at most
        TrainingIterations: int
        /// iterations for the inducing inputs at most
        InducingIterations: int
        /// a model of more data than this is sparse, with so many inducing inputs
        Inducing: int
        /// to start from; none for those from the scales of the data
        Hyperparameters: Hyperparameters[] option
        /// to start from [k, d]; none for some of the data
        FirstInducing: float[,]
        /// ends the training early, with what it has
        Cancellation: CancellationToken
    }

/// Models of dynamics from the data of rollouts.
[<RequireQualifiedAccess>]
module DynamicsModel =

    /// Some of the rows, drawn without putting back.
    let private someRows (rng: Rng) (count: int) (all: float[,]) : float[,] =
        let order = Array.init (all.GetLength 0) id

        for i in 0 .. count - 1 do
            let j = i + int (rng.Uniform() * float (order.Length - i))
            let held = order[i]
            order[i] <- order[j]
            order[j] <- held

        Array2D.init count (all.GetLength 1) (fun i j -> all[order[i], j])

    /// Trains a model on inputs [k, d] and targets [k, n]: hyperparameters on all data; then, where these are many, the inducing inputs.
    let train
        (training: DynamicsTraining)
        (rng: Rng)
        (inputs: float[,], targets: float[,])
        : Result<DynamicsModel, GaussianProcessFault> =
        let options =
            { GaussianProcess.defaults with
                MaxIterations = training.TrainingIterations
                Cancellation = training.Cancellation
            }

        GaussianProcess.fitFrom options training.Hyperparameters inputs targets
        |> Result.bind (fun full ->
            if full.Count <= training.Inducing then
                Ok
                    {
                        Hyperparameters = full.Hyperparameters
                        Inducing = Array2D.zeroCreate 0 0
                        Moments = GaussianProcess.moments full
                    }
            else
                let first =
                    if training.FirstInducing.Length > 0 then
                        training.FirstInducing
                    else
                        someRows rng training.Inducing inputs

                let inducing, _ =
                    SparseGaussianProcess.optimise
                        training.Cancellation
                        training.InducingIterations
                        full.Hyperparameters
                        inputs
                        targets
                        first

                full.Hyperparameters
                |> Array.map (fun _ -> inducing)
                |> SparseGaussianProcess.bumps full.Hyperparameters inputs targets
                |> Result.map (fun bumps ->
                    {
                        Hyperparameters = full.Hyperparameters
                        Inducing = inducing
                        Moments = MomentMatching.ofBumps bumps
                    }))
