namespace Research

/// What a shape stands for; a viewer chooses the colours.
type Ink =
    /// the moving body that is controlled
    | Body
    /// a second moving part
    | Limb
    /// what does not move
    | Ground
    /// where the motion should end
    | Goal

/// A shape in metres, y upwards.
type Shape =
    /// a straight stroke between two points
    | Segment of ink: Ink * width: float * from: (float * float) * upTo: (float * float)
    /// a filled circle
    | Disc of ink: Ink * centre: (float * float) * radius: float
    /// a rectangle turned by an angle about its centre
    | Box of ink: Ink * centre: (float * float) * width: float * height: float * angle: float

/// How to picture a system: the part of the plane that is seen, and the shapes at a state: as many, of the same kinds and in the same order
/// at every state.
type Scene =
    {
        XRange: float * float
        YRange: float * float
        Shapes: float[] -> Shape list
    }
