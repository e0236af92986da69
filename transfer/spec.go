package transfer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// SpecVersion is the version of [Spec] that this package writes and reads.
const SpecVersion = 1

// Direction is the way that the bytes of a session go, as the client sees it.
type Direction string

// The directions of a session.
const (
	Push Direction = "push" // client to node
	Pull Direction = "pull" // node to client
	List Direction = "list" // no files move: the client asks what is there
)

// Policy says how a session shares a path with other traffic.
type Policy string

// The policies of a session.
const (
	Fixed Policy = "fixed" // the target rate, whatever the path says
	High  Policy = "high"  // fair while alone, twice a fair share beside others
	Fair  Policy = "fair"  // a fair share: the default
	Low   Policy = "low"   // what others leave, never less than the minimum rate
)

// Cipher names the authenticated encryption of the data path.
type Cipher string

// The ciphers of the data path. The empty Cipher means [AES128].
const (
	AES128   Cipher = "aes-128-gcm"
	AES256   Cipher = "aes-256-gcm"
	ChaCha20 Cipher = "chacha20-poly1305"
)

// Overwrite says what happens to a file that the destination already has.
type Overwrite string

// The overwrite policies. The empty Overwrite means [OverwriteDiff].
const (
	OverwriteNever       Overwrite = "never"      // keep what is there
	OverwriteAlways      Overwrite = "always"     // replace it
	OverwriteDiff        Overwrite = "diff"       // replace it when size or time differ
	OverwriteOlder       Overwrite = "older"      // replace it when it is older than the source
	OverwriteDiffOrOlder Overwrite = "diff+older" // replace it when it differs and is older
)

// Symlinks says what a sender does with symbolic links.
type Symlinks string

// The symlink policies. The empty Symlinks means [SymlinksCopy].
const (
	SymlinksCopy   Symlinks = "copy"       // the link itself
	SymlinksForce  Symlinks = "copy+force" // the link itself, whatever the overwrite policy says of what is there
	SymlinksFollow Symlinks = "follow"     // what it points to, inside the root only
	SymlinksSkip   Symlinks = "skip"       // nothing
)

// Spec tells a client where one session goes and what to present there. It is
// what a manager hands out, as JSON.
type Spec struct {
	Version    int    `json:"version"`
	TransferID string `json:"transfer_id,omitempty"`
	NodeID     string `json:"node_id,omitempty"`
	NodeName   string `json:"node_name,omitempty"`

	// Host is tried first, then Addresses in order, all on Port (TCP and UDP).
	Host      string   `json:"host"`
	Addresses []string `json:"addresses,omitempty"`
	Port      int      `json:"port"`

	// CertSHA256 is the hex SHA-256 of the DER of the node's leaf
	// certificate. Without it the client checks against [Client.RootCAs].
	CertSHA256 string `json:"cert_sha256,omitempty"`

	// Token is presented as is. Where it binds a client key, [Client.Key] is
	// the private half.
	Token string `json:"token,omitempty"`

	// AccessKey and Secret authenticate directly, without a token. The secret
	// never travels (see [AccessKeyProof]) and is never marshalled.
	AccessKey string `json:"access_key,omitempty"`
	Secret    string `json:"-"`

	Direction Direction `json:"direction,omitempty"`

	// Sources and Destination are paths on the node, relative to the root of
	// the grant: Sources of a pull, Destination of a push. They say what the
	// token is good for; [Job] says what to do.
	Sources     []string `json:"sources,omitempty"`
	Destination string   `json:"destination,omitempty"`

	TargetRate int64     `json:"target_rate,omitempty"` // bit/s; 0: as fast as the path allows
	MinRate    int64     `json:"min_rate,omitempty"`    // bit/s
	Policy     Policy    `json:"policy,omitempty"`
	Cipher     Cipher    `json:"cipher,omitempty"`
	Flows      int       `json:"flows,omitempty"` // that carry the data; 0: one
	Resume     *bool     `json:"resume,omitempty"`
	Overwrite  Overwrite `json:"overwrite,omitempty"`
}

// ParseSpec reads a spec strictly: unknown fields, an unknown version and
// values out of range are errors that name the field.
func ParseSpec(b []byte) (Spec, error) {
	var s Spec
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return Spec{}, fmt.Errorf("transfer spec: %w", err)
	}
	if dec.More() {
		return Spec{}, fmt.Errorf("transfer spec: something follows the JSON object")
	}
	if err := s.Validate(); err != nil {
		return Spec{}, err
	}
	return s, nil
}

// Validate reports the first field that no session could use.
func (s Spec) Validate() error {
	bad := func(field, why string) error { return fmt.Errorf("transfer spec: %s %s", field, why) }
	switch {
	case s.Version != SpecVersion:
		return bad("version", fmt.Sprintf("is %d, this program reads %d", s.Version, SpecVersion))
	case s.Host == "" && len(s.Addresses) == 0:
		return bad("host", "is missing")
	case s.Port < 1 || s.Port > 65535:
		return bad("port", fmt.Sprintf("%d is not between 1 and 65535", s.Port))
	case s.Token == "" && s.AccessKey == "":
		return bad("token", "is missing, and access_key too")
	case s.Token != "" && s.AccessKey != "":
		return bad("token", "and access_key exclude each other")
	case s.TargetRate < 0:
		return bad("target_rate", "is negative")
	case s.MinRate < 0:
		return bad("min_rate", "is negative")
	case s.TargetRate > 0 && s.MinRate > s.TargetRate:
		return bad("min_rate", "is above target_rate")
	case s.Flows < 0 || s.Flows > FlowsMost:
		return bad("flows", fmt.Sprintf("%d is not between 1 and %d", s.Flows, FlowsMost))
	case !oneOf(s.Direction, "", Push, Pull, List):
		return bad("direction", fmt.Sprintf("%q is not push or pull", s.Direction))
	case !s.Policy.Valid():
		return bad("policy", fmt.Sprintf("%q is not fixed, high, fair or low", s.Policy))
	case !s.Cipher.Valid():
		return bad("cipher", fmt.Sprintf("%q is not aes-128-gcm, aes-256-gcm or chacha20-poly1305", s.Cipher))
	case !s.Overwrite.Valid():
		return bad("overwrite", fmt.Sprintf("%q is not never, always, diff, older or diff+older", s.Overwrite))
	}
	if s.CertSHA256 != "" {
		if b, err := hex.DecodeString(s.CertSHA256); err != nil || len(b) != sha256.Size {
			return bad("cert_sha256", "is not 64 hexadecimal digits")
		}
	}
	for _, a := range append([]string{s.Host}, s.Addresses...) {
		if strings.ContainsAny(a, " /@") {
			return bad("host", fmt.Sprintf("%q is not a host name or address", a))
		}
	}
	return nil
}

// Valid reports whether p is a known policy or empty.
func (p Policy) Valid() bool { return oneOf(p, "", Fixed, High, Fair, Low) }

// Valid reports whether c is a known cipher or empty.
func (c Cipher) Valid() bool { return oneOf(c, "", AES128, AES256, ChaCha20) }

// Valid reports whether o is a known overwrite policy or empty.
func (o Overwrite) Valid() bool {
	return oneOf(o, "", OverwriteNever, OverwriteAlways, OverwriteDiff, OverwriteOlder, OverwriteDiffOrOlder)
}

// Valid reports whether s is a known symlink policy or empty.
func (s Symlinks) Valid() bool {
	return oneOf(s, "", SymlinksCopy, SymlinksForce, SymlinksFollow, SymlinksSkip)
}

func oneOf[T comparable](v T, set ...T) bool {
	for _, s := range set {
		if v == s {
			return true
		}
	}
	return false
}

// CertificateFingerprint is the pin of a certificate in a [Spec]: hex SHA-256
// of its DER form.
func CertificateFingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}
