namespace Research.Control

module internal Placeholder =
    let a = 1
