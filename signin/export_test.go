package signin

// Fill is fill for tests.
var Fill = fill
