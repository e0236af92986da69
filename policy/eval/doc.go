// Package eval lets anyone score a policy on loads of their own: it plays the
// cluster around [policy.Decide] for a world that another program simulates.
//
// The two talk in lines of JSON, [Serve] on a reader and a writer, or the same
// steps as values, [Evaluator]. There is no clock and no randomness: the same
// lines give the same answers. What a cluster keeps between decisions (history,
// pools, recent launches, how long nodes boot, the forecast) is kept and learnt
// here in the same way, through the same functions.
//
// # The lines
//
// The world greets with a [Hello] and is answered with a [Greeting]. Then each
// of its lines is an [Observation], answered with a [Decision], or the end. The
// world carries a decision out in this order: un-drain, launch, drain; draining
// a node that still launches cancels it. A drained node ends when it is empty:
// the world does that itself, and nothing else ends a node. Sessions cannot move
// and there is no warm pool.
//
// Time is counted in seconds from a Monday, 00:00; it may not go back.
package eval
