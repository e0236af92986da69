package cluster

// CertificateTrouble is what is the matter with the certificate that a cluster's
// nodes show by name; empty: nothing.
type CertificateTrouble struct{ Failing, Ending string }

// NoteCertificates takes the troubles of all certificates, by cluster id, in place
// of those before. While this manager leads they are conditions.
func (r *Reconciler) NoteCertificates(troubles map[string]CertificateTrouble) {
	found := map[conditionKey]string{}
	for id, t := range troubles {
		if t.Failing != "" {
			found[conditionKey{id, conditionCertificate, ""}] = t.Failing
		}
		if t.Ending != "" {
			found[conditionKey{id, conditionCertificateEnds, ""}] = t.Ending
		}
	}
	r.notes.set("certificates", found)
}
