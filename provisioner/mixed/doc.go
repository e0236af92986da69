// Package mixed is the template that offers several ways to have a node, at one
// provider or at many, and the order in which they are asked.
//
// It is not a provider: nothing is launched here and no cloud is known. Whoever
// launches picks one offering after the other until a provider has it, and writes
// down at which it asks before it does; what is launched is that provider's alone
// from then on.
package mixed
