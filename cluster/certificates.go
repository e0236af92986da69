package cluster

// CertificateTrouble is what is the matter with the certificate that a cluster's
// nodes show by name; empty: nothing.
type CertificateTrouble struct{ Failing, Ending string }

// NoteCertificates takes the troubles that a finder knows, by cluster id, in place
// of those that it knew before. While this manager leads they are conditions.
func (r *Reconciler) NoteCertificates(finder string, troubles map[string]CertificateTrouble) {
	found := map[conditionKey]string{}
	for id, t := range troubles {
		if t.Failing != "" {
			found[conditionKey{id, conditionCertificate, ""}] = t.Failing
		}
		if t.Ending != "" {
			found[conditionKey{id, conditionCertificateEnds, ""}] = t.Ending
		}
	}
	r.notes.set("certificates: "+finder, found)
}
