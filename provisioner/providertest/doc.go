// Package providertest is the conformance suite of provisioner.Provider. A new
// provider is tested by a Harness and one call of Run:
//
//	func TestProvider(t *testing.T) {
//		providertest.Run(t, func(t *testing.T) providertest.Harness { … })
//	}
//
// The suite waits for what a cloud does in its own time by polling with a
// deadline, never by sleeping for a while and hoping.
package providertest
