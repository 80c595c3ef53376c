namespace Research
module internal Placeholder = let a = 1
