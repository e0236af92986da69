package api

import (
	"net/http"
	"time"
)

// ClusterCertificate is what a cluster's nodes show to clients that look for them by name, besides the certificate of
// the cluster's own authority, which everybody else sees.
type ClusterCertificate struct {
	Source      string            `json:"source" enum:"none,uploaded,file,ordered" doc:"Where it comes from: nowhere, so that nodes show their own alone; somebody uploaded it; files of the manager; an authority that the manager orders from. An uploaded one goes before the others."`
	Certificate *CertificateFacts `json:"certificate,omitempty" doc:"Absent while there is none: an ordered one may be on its way."`
	Names       []string          `json:"names" doc:"The cluster's names in DNS."`
	Uncovered   []string          `json:"uncovered" doc:"Of these, names that the certificate is not good for."`
	Author      string            `json:"author,omitempty" doc:"Who uploaded it."`
	UpdatedAt   *time.Time        `json:"updated_at,omitempty" doc:"When it was uploaded."`
}

// CertificateFacts are what a certificate says of itself.
type CertificateFacts struct {
	Names     []string  `json:"names" doc:"What clients may look for; some may be wildcards."`
	Issuer    string    `json:"issuer"`
	SHA256    string    `json:"sha256" doc:"Of the certificate, in hexadecimal."`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after" doc:"When it ends."`
}

// CertificateUpload is a certificate for a cluster's nodes.
type CertificateUpload struct {
	Chain      string `json:"chain" minLength:"1" maxLength:"200000" doc:"In PEM: the server's certificate first, then each the issuer of the one before."`
	Key        string `json:"key" minLength:"1" maxLength:"20000" writeOnly:"true" doc:"Its private key in PEM, without a passphrase. It is kept encrypted and never given out again, except to the cluster's nodes."`
	OtherNames bool   `json:"other_names,omitempty" doc:"Take a certificate that has none of the cluster's names in DNS: clients look for names that lead to the nodes by other means."`
}

type certificatePutIn struct {
	Cluster string `path:"cluster" maxLength:"64" doc:"Id or name."`
	IfMatch string `header:"If-Match" required:"true" maxLength:"64" doc:"ETag of the version that the change was made from."`
	Body    CertificateUpload
}

func (s *Server) certificateRoutes() {
	const tag, path = "Certificates", "/clusters/{cluster}/certificate"
	register(s, operation{id: "get-certificate", method: get, path: path, tag: tag, role: RoleViewer,
		summary: "Get the certificate that a cluster's nodes show to clients which look for them by name", errors: []int{http.StatusNotFound}}, s.getCertificate)
	register(s, operation{id: "put-certificate", method: put, path: path, tag: tag, role: RoleAdmin,
		summary: "Upload a certificate with its key; nodes show it within seconds, and running transfers go on",
		errors:  []int{http.StatusNotFound, http.StatusConflict}}, s.putCertificate)
	register(s, operation{id: "delete-certificate", method: del, path: path, tag: tag, role: RoleAdmin,
		summary: "Take the uploaded certificate away; nodes show what they would without it", errors: []int{http.StatusNotFound}}, s.deleteCertificate)
}
